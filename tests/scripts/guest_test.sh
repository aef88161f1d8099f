#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What scripts/guest and scripts/pin_guest refuse before they start a machine, and what they start.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"
# shellcheck source=tests/scripts/shadow_machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/shadow_machine.sh"
export NOTIFIER_BUILD=$scratch/build

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

pin_guest() { run "$source_root/scripts/pin_guest" "$scratch/package.deb" -- "$scratch/folder" --filter '^rdma/'; }

test_pin_guest_names_a_program_that_was_not_built() {
  needs_rxe_driver
  make_programs harness/pin/notifier_pin tests/pin/pin_test
  shadow_machine 'exit 0'
  pin_guest
  expect_status 2
  expect_output 'softgpu/guest_helper is missing: build it'
}

# The machine measures its seconds by the counter that the helper has measured, and the helper runs in it.
test_pin_guest_hands_the_helper_to_its_machine() {
  needs_rxe_driver
  make_programs harness/pin/notifier_pin tests/pin/pin_test
  mkdir -p "$NOTIFIER_BUILD/softgpu"
  # shellcheck disable=SC2016 # the helper's argument
  printf '#!/bin/bash\n[ "$1" = counter-khz ] && echo 2345678\n' >"$NOTIFIER_BUILD/softgpu/guest_helper"
  chmod +x "$NOTIFIER_BUILD/softgpu/guest_helper"
  shadow_machine "printf '%s\n' \"\$@\" >$scratch/qemu_arguments"
  shadow_command cpio <<<"cat >$scratch/packed"
  pin_guest
  expect_status 1 # this machine leaves nothing
  grep -q ' tsc_early_khz=2345678' "$scratch/qemu_arguments" || fail "not told to the kernel: $(cat "$scratch/qemu_arguments")"
  grep -qx './bin/guest_helper' "$scratch/packed" || fail "not in the machine: $(cat "$scratch/packed")"
}

run_test "$1"
