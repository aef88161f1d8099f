#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: vm_test.sh BUILD_FOLDER [KERNEL_PACKAGE...]: boots that kernel (tests/vm/machine.sh) with two NUMA nodes, swap, RDMA and KVM.
# The rows that need them must be ok there, without a violation, and planted faults must be found on a vCPU.
set -euo pipefail
# shellcheck source=tests/vm/machine.sh
source "$(dirname "$(readlink -f "$0")")/machine.sh"

status=0
NOTIFIER_GUEST_SECONDS=${NOTIFIER_GUEST_SECONDS:-1500} "$top/scripts/guest" "${packages[@]}" -- "$folder" \
  "$top/tests/vm/commands" "$build"/tests/kvm/kvm_tests "$build"/tests/kvm/kvm_engine_tests "$build"/tests/kvm/notifier_mm_tests \
  "$build"/bench/notifier_bench_softgpu "$build"/harness/pin/notifier_pin "$build"/softgpu/guest_helper || status=$?
grep -v 'TCG doesn' "$folder/console" || true
[ "$status" = 0 ] || die 1 "the guest's commands failed"

python3 -B "$top/tests/vm/check_rows.py" "$folder/results"
