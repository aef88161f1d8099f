#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

setup=$project/scripts/setup

# A package that no machine has, which a shadowed apt-get may "install".
add_missing_package() {
  say_row 'run | notifier-test-package | command notifier_test_command | exists for this test only'
}
say_row() { printf '%s\n' "$1" >>"$project/scripts/packages.txt"; }

# The arguments of each call go to $scratch/apt_calls; `behaviour` is run for apt-get install.
shadow_apt() { # shadow_apt BEHAVIOUR
  shadow_command apt-get <<END
echo "\$*" >>$scratch/apt_calls
[[ " \$* " != *" install "* ]] || { $1; }
END
}
provide='ln -sf /bin/true '$scratch'/bin/notifier_test_command'
apt_calls() { grep -cE -- "$1" "$scratch/apt_calls" 2>/dev/null; }

test_nothing_missing_calls_nothing() {
  printf 'run | bash | command bash | it runs this\n' >"$project/scripts/packages.txt"
  shadow_apt true
  run "$setup" run
  expect_status 0
  [ ! -e "$scratch/apt_calls" ] || fail "apt-get was called"
}

test_without_root_prints_the_lines() {
  add_missing_package
  run unprivileged "$setup" run
  expect_status 2
  expect_output '^missing: notifier-test-package \(exists for this test only\)$'
  expect_output '^  apt-get update$'
  expect_output '^  apt-get install .*notifier-test-package'
}

test_install_without_root_prints_the_lines() {
  add_missing_package
  run unprivileged "$setup" --install run
  expect_status 2
  expect_output '^  apt-get install .*notifier-test-package'
}

test_root_installs_what_is_missing() {
  needs_root
  add_missing_package
  shadow_apt "$provide"
  run "$setup" --install run
  expect_status 0
  [ "$(apt_calls '(^| )update$')" = 1 ] || fail "apt-get update was not called once"
  [ "$(apt_calls 'install .*notifier-test-package$')" = 1 ] || fail "apt-get install was not called once"
}

test_a_failed_install_is_retried_once() {
  needs_root
  add_missing_package
  shadow_apt "[ -e $scratch/second ] || { touch $scratch/second; exit 100; }; $provide"
  run "$setup" --install run
  expect_status 0
  [ "$(apt_calls install)" = 2 ] || fail "apt-get install was not called twice"
}

test_a_second_failure_is_final() {
  needs_root
  add_missing_package
  shadow_apt 'echo "E: no such thing"; exit 100'
  run "$setup" --install run
  expect_status 2
  expect_output 'E: no such thing'
  expect_output 'apt-get failed twice'
  [ "$(apt_calls install)" = 2 ] || fail "apt-get install was not called twice"
}

test_still_missing_after_install_is_an_error() {
  needs_root
  add_missing_package
  shadow_apt true
  run "$setup" --install run
  expect_status 2
  expect_output 'still missing after apt-get succeeded: notifier-test-package'
}

# /opt/rocm is made in a mount namespace of the test's own.
test_a_rocm_machine_is_left_alone() {
  needs_root
  needs_mount
  add_missing_package
  shadow_apt "$provide"
  # shellcheck disable=SC2016
  run unshare --mount bash -c 'mount -t tmpfs none /opt && mkdir /opt/rocm && exec "$@"' - "$setup" run
  expect_status 2
  expect_output '^  apt-get install .*notifier-test-package'
  expect_output "from that ROCm, not from Debian"
  [ ! -e "$scratch/apt_calls" ] || fail "apt-get was called"
}

test_other_systems_are_told_the_names() {
  add_missing_package
  mkdir "$scratch/bin"
  local command
  for command in bash dirname readlink awk id cat grep; do
    ln -s "$(command -v "$command")" "$scratch/bin/"
  done
  run env PATH="$scratch/bin" bash "$setup" run
  expect_status 2
  expect_output 'has no apt-get'
  expect_output '^  .*notifier-test-package'
}

test_sets_are_separate() {
  say_row 'test | notifier-test-package | command notifier_test_command | for tests'
  printf 'run | bash | command bash | it runs this\n%s\n' \
    "$(tail -n 1 "$project/scripts/packages.txt")" >"$project/scripts/packages.new"
  mv "$project/scripts/packages.new" "$project/scripts/packages.txt"
  run unprivileged "$setup" run
  expect_status 0
  run unprivileged "$setup" run test
  expect_status 2
}

test_one_condition_of_several_is_enough() {
  printf 'run | notifier-test-package | header no_such.h, command no_such, file %s | test\n' \
    "$scratch" >"$project/scripts/packages.txt"
  run unprivileged "$setup" run
  expect_status 0
}

test_a_header_of_rocm_is_found() {
  printf 'run | notifier-test-package | header notifier_test.h | test\n' >"$project/scripts/packages.txt"
  mkdir -p "$scratch/rocm/include"
  touch "$scratch/rocm/include/notifier_test.h"
  run unprivileged "$setup" run
  expect_status 2
  run unprivileged env ROCM_PATH="$scratch/rocm" "$setup" run
  expect_status 0
}

test_a_broken_list_is_an_error() {
  say_row 'run | package without a reason | command bash'
  run "$setup" run
  expect_status 1
  expect_output 'packages.txt:[0-9]+: not four fields'
}

test_unknown_argument() {
  run "$setup" --instal run
  expect_status 2
  expect_output "unknown argument '--instal'"
}

test_no_set() {
  run "$setup" --install
  expect_status 2
  expect_output '^Usage:'
}

run_test "$1"
