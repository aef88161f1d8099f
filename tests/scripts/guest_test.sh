#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What scripts/guest refuses before it starts a machine.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

# Everything that the scripts call before they look for QEMU, and nothing else.
only_basic_commands() {
  local name
  mkdir -p "$scratch/basic"
  for name in bash dirname readlink cat env; do ln -s "$(command -v "$name")" "$scratch/basic/$name"; done
  export PATH=$scratch/basic
}

test_a_missing_qemu_is_named() {
  touch "$scratch/package.deb"
  only_basic_commands
  run "$source_root/scripts/guest" "$scratch/package.deb" -- "$scratch/folder" "$scratch/package.deb" "$BASH"
  export PATH=/usr/bin:/bin
  expect_status 2
  expect_output 'qemu-system-x86_64 is missing: scripts/setup test installs it'
}

test_a_package_without_a_kernel_is_refused() {
  command -v qemu-system-x86_64 >/dev/null || skip "needs qemu-system-x86"
  # shellcheck disable=SC2016 # the shadow's argument
  shadow_command dpkg <<<'mkdir -p "$3/usr"'
  touch "$scratch/package.deb"
  run "$source_root/scripts/guest" "$scratch/package.deb" -- "$scratch/folder" "$scratch/package.deb" "$BASH"
  expect_status 2
  expect_output 'no kernel with modules in'
}

run_test "$1"
