#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: vm_test.sh BUILD_FOLDER KERNEL_PACKAGE: the KVM engine in a machine with that kernel; rows must be ok.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$1 package=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for needed in qemu-system-x86_64 busybox modprobe rdma cpio; do
  if ! command -v "$needed" >/dev/null; then echo "skipped: $needed is missing" && exit 77; fi
done
if [ ! -f "$package" ]; then echo "skipped: no kernel package $package" && exit 77; fi

status=0
NOTIFIER_GUEST_SECONDS=${NOTIFIER_GUEST_SECONDS:-300} "$top/scripts/guest" "$package" -- "$folder" \
  "$top/tests/vm/commands" "$build"/tests/kvm/kvm_tests "$build"/tests/kvm/kvm_engine_tests \
  "$build"/bench/notifier_bench_softgpu || status=$?
grep -v 'TCG doesn' "$folder/console" || true
[ "$status" = 0 ]

summary=$(echo "$folder"/results/*/*/summary.csv)
violations=$(awk -F, '
  NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i }
  NR > 1 { for (name in column) if (name ~ /^violations_/) sum += $column[name] }
  END { print sum + 0 }' "$summary")
[ "$violations" = 0 ]
for perturbation in dontneed fork_exit move_pages mbind reclaim; do
  found=$(awk -F, -v wanted="$perturbation" '
    NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i }
    NR > 1 && $column["perturbation"] == wanted { print $column["platform"], $column["status"] }' \
    "$summary" | sort -u)
  [ "$found" = "kvm ok" ] || { echo "$perturbation: '$found', not 'kvm ok'" && exit 1; }
done
