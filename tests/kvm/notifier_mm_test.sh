#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: notifier_mm_test.sh NOTIFIER_MM: rows for every call, reasons for those that cannot be made, refusals.
set -euo pipefail
bench=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$bench" --events 2 --benchmark_filter='machines:[01]/vcpus:[01]/bytes:4096/' --benchmark_out="$folder/out" \
  --benchmark_out_format=json
python3 -B - "$folder/out" "$(test -w /dev/kvm && echo yes || echo no)" <<'END'
import json
import sys

report = json.load(open(sys.argv[1], encoding="utf-8"))
assert report["context"]["kvm"]
rows = {row["name"]: row for row in report["benchmarks"]}
calls = {name.split("/")[0] for name in rows}
assert calls == {"getpid", "fork", "mprotect_read", "mprotect_none", "dontneed", "munmap", "mremap", "move_pages",
                 "pageout"}, calls
for name, row in rows.items():
    if row.get("error_occurred"):
        assert row["error_message"].startswith("skipped: "), row
        continue
    assert row["iterations"] == 2 and row["call_p50_ns"] > 0, row
    assert row["call_max_ns"] >= row["call_p50_ns"], row
    # Without a vCPU nobody stands still: no value, and not 0.
    assert ("stall_p50_ns" in row) == ("/vcpus:1/" in name), row
END
# What this machine has no room for, or no CPU that virtualises, is a row too: 9 calls, 6 kinds of users, 8 sizes of
# base pages and 6 of huge ones.
[ "$("$bench" --benchmark_list_tests | wc -l)" = $((9 * 6 * (8 + 6))) ]
if ! grep -qwE 'svm|vmx' /proc/cpuinfo; then
  "$bench" --events 1 --benchmark_filter='^getpid/machines:[01]/vcpus:[01]/bytes:2097152/thp:0' >"$folder/large"
  grep -qE 'machines:0/.* call_p50_ns=' "$folder/large"
  grep -qE "machines:1/.*'skipped: (this CPU virtualises nothing|.*/dev/kvm)" "$folder/large"
fi
status=0
"$bench" --benchmark_filter=nothing_like_this || status=$?
[ "$status" = 2 ]
status=0
"$bench" --no-such-option || status=$?
[ "$status" = 2 ]
