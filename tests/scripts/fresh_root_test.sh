#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Only what needs neither a network nor minutes: the proof itself is a run of scripts/fresh_root.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

# A base that holds just a shell and git's name, so that no debootstrap is needed.
make_base() {
  local base=$scratch/folder/base program library
  mkdir -p "$base"/{proc,sys,dev,tmp,etc/apt/apt.conf.d,root/project,mnt,bin,usr}
  for program in bash cat; do
    cp "$(command -v "$program")" "$base/bin/"
    while IFS= read -r library; do
      cp -L --parents "$library" "$base/"
    done < <(ldd "$(command -v "$program")" | grep -oE '/[^ ]+')
  done
  printf '#!/bin/bash\nprintf "called: %%s\\n" "$*"\n' >"$base/bin/git"
  chmod +x "$base/bin/git"
}

test_needs_a_folder() {
  run "$project/scripts/fresh_root"
  expect_status 2
  expect_output '^Usage:'
}

test_needs_root() {
  run unprivileged "$project/scripts/fresh_root" "$scratch/folder"
  expect_status 2
  [ "$(id -u)" != 0 ] || expect_output 'needs root'
}

test_every_command_runs_and_one_failure_fails() {
  needs_root
  needs_mount
  command -v debootstrap >/dev/null || shadow_command debootstrap <<<'exit 1'
  make_base
  # shellcheck disable=SC2016 # expanded in the guest
  local print_environment='echo "home $HOME, secret ${SECRET:-none}"'
  export SECRET=leaked
  run "$project/scripts/fresh_root" "$scratch/folder" 'cd / && echo first' 'exit 3' "$print_environment"
  expect_status 1
  expect_output 'called: .*clone'
  expect_output '\| first'
  expect_output "'exit 3' ended with 3"
  expect_output 'home /root, secret none'
  ! grep -q "$scratch" /proc/mounts || fail "a mount is left"
}

run_test "$1"
