#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: vm_test.sh BUILD_FOLDER [KERNEL_PACKAGE...]: boots that kernel, by default the one that
# `scripts/kernels --fetch debian12` has fetched, with two NUMA nodes, swap, RDMA and KVM. The rows that need them
# must be ok there, without a violation.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
shift
# shellcheck source=scripts/lib/common.sh
source "$top/scripts/lib/common.sh"
# shellcheck source=scripts/lib/guest.sh
source "$top/scripts/lib/guest.sh"
# shellcheck source=scripts/lib/kernel_packages.sh
source "$top/scripts/lib/kernel_packages.sh"

skip() { say "skipped: $*" && exit 77; }
missing=$(guest_missing)
if [ -n "$missing" ]; then skip "$missing is missing (scripts/setup test)"; fi
packages=("$@")
if [ $# -eq 0 ]; then
  files=$(kernel_cached "$(kernel_cache)" debian12) || skip "$files (scripts/kernels --fetch debian12)"
  mapfile -t packages <<<"$files"
fi
for package in "${packages[@]}"; do [ -f "$package" ] || skip "no kernel package $package"; done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
run_machine() {
  status=0
  rm -rf "${folder:?}"/*
  NOTIFIER_GUEST_SECONDS=${NOTIFIER_GUEST_SECONDS:-1500} "$top/scripts/guest" "${packages[@]}" -- "$folder" \
    "$top/tests/vm/commands" "$build"/tests/kvm/kvm_tests "$build"/tests/kvm/kvm_engine_tests \
    "$build"/bench/notifier_bench_softgpu "$build"/harness/pin/notifier_pin || status=$?
  grep -v 'TCG doesn' "$folder/console" || true
}

run_machine
# QEMU's emulation can execute the breakpoint with which Linux patches its own code (docs/kernels.md): not ours.
if [ "$status" != 0 ] && grep -q 'Oops: int3\|int3: 0000' "$folder/console"; then
  say "the emulated machine panicked at a breakpoint of its own: once more"
  run_machine
fi
[ "$status" = 0 ] || die 1 "the guest's commands failed"

python3 -B "$top/tests/vm/check_rows.py" "$folder/results"
