#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: bench_test.sh BENCH: a case on a vCPU from end to end: platform, outcome, what is not offered.
set -euo pipefail
bench=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export SOFTGPU_ENGINE=kvm SOFTGPU_WAVES=1

status=0
"$bench" --events 2 --no-self-test --results "$folder" \
  --filter '^system/anon/dontneed/default/retry_fault/small/64KiB$|^userptr/anon/sham/default/preempt/small/64KiB$' \
  >"$folder/log" 2>&1 || status=$?
cat "$folder/log"
if [ "$status" = 77 ]; then exit 77; fi
[ "$status" = 0 ]

summary=$(echo "$folder"/*/*/summary.csv)
field() { # field CASE_START COLUMN: of all rows of the case, one a metric
  awk -F, -v start="$1" -v wanted="$2" '
    NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i }
    NR > 1 && index($column["case_name"], start) == 1 { print $column[wanted] }' "$summary" | sort -u
}
expect() { # expect CASE_START COLUMN VALUE
  local found
  found=$(field "$1" "$2")
  [ "$found" = "$3" ] || { echo "$1: $2 is '$found', not '$3'" && exit 1; }
}
expect system/ platform kvm
expect system/ status ok
for class in stale torn lost foreign zero; do expect system/ "violations_$class" 0; done
expect userptr/ status skipped
grep -q 'not offered: the device serves retry faults' "$summary"
