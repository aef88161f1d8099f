#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/engine_table and scripts/mm_table on numbers that can be checked by hand.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

row() { # PLATFORM SIZE_KIB PERTURBATION STATUS OUTCOME STALE METRIC EVENTS P50
  printf 'system/anon/%s/%sKiB,%s,%s,%s,retry_fault,%s,%s,%s,%s,%s,"a, reason",%s\n' \
    "$3" "$2" "$1" "$3" "$(($2 * 1024))" "$5" "$7" "$8" "$9" "$4" "$6"
}
make_recording() { # PLATFORM ROW...: rows from standard input
  mkdir -p "$scratch/results/$1"
  {
    echo 'case_name,platform,perturbation,size_bytes,recovery,outcome,metric,events,p50,status,reason,violations_stale'
    cat
  } >"$scratch/results/$1/summary.csv"
}
both() { # STATUS-ON-KVM OUTCOME-ON-KVM STALE-ON-KVM
  make_recording software <<END
$(row software 64 fork_exit ok child_copy 0 stall_ns all 1000000)
$(row software 64 fork_exit ok child_copy 0 stall_ns sham 1000)
$(row software 64 fork_exit ok child_copy 0 syscall_ns all 50000)
$(row software 128 fork_exit ok child_copy 0 stall_ns all 3000000)
END
  make_recording kvm <<END
$(row kvm 64 fork_exit "$1" "$2" "$3" stall_ns all 2000000)
$(row kvm 128 fork_exit ok child_copy 0 stall_ns all 2000000)
END
}

test_equal_engines() {
  both ok child_copy 0
  run "$source_root/scripts/engine_table" "$scratch/results"
  expect_status 0
  expect_output '^\| fork_exit \| ok \| child_copy \| 0 \| 1 ms, 2 ms \| 1 µs, - \| 50 µs, - \| 3, 1 \|$'
  expect_output '^2 cases, 6 cells, 0 of them differ\.$'
}

test_each_cell_that_differs_is_named() {
  both failed child_zeros 7
  run "$source_root/scripts/engine_table" "$scratch/results"
  expect_status 1
  expect_output "status is 'ok' on the software GPU \(a, reason\) and 'failed' on KVM"
  expect_output "outcome is 'child_copy'"
  expect_output "violations is '0' .* '7'"
  expect_output '3 of them differ'
}

test_a_case_of_one_engine_differs() {
  both ok child_copy 0
  make_recording kvm <<<"$(row kvm 64 fork_exit ok child_copy 0 stall_ns all 1)"
  run "$source_root/scripts/engine_table" "$scratch/results"
  expect_status 1
  expect_output 'fork_exit/128KiB: nothing on kvm'
}

test_nothing_in_common_is_refused() {
  make_recording software <<<"$(row software 64 fork_exit ok child_copy 0 stall_ns all 1)"
  run "$source_root/scripts/engine_table" "$scratch/results"
  expect_status 2
  run "$source_root/scripts/engine_table"
  expect_status 2
}

test_table_of_mm_calls() {
  cat >"$scratch/mm.json" <<'END'
{"context": {"kvm": "secondary MMU"}, "benchmarks": [
 {"name": "fork/machines:0/vcpus:0/bytes:65536/thp:0/iterations:2/manual_time", "call_p50_ns": 1500},
 {"name": "fork/machines:1/vcpus:2/bytes:65536/thp:0/iterations:2/manual_time", "call_p50_ns": 2500000},
 {"name": "pageout/machines:0/vcpus:0/bytes:65536/thp:0/iterations:2/manual_time", "error_occurred": true,
  "error_message": "skipped: no swap device"}]}
END
  run "$source_root/scripts/mm_table" "$scratch/mm.json"
  expect_status 0
  expect_output '^\| fork \| 64 KiB, base pages \| 1.5 µs \| 2.5 ms \|$'
  expect_output '^pageout, 1 row: skipped: no swap device$'
  cat >"$scratch/more.json" <<'END'
{"context": {"kvm": "secondary MMU"}, "benchmarks": [
 {"name": "fork/machines:0/vcpus:0/bytes:4096/thp:0/iterations:2/manual_time", "call_p50_ns": 1400, "pages_p50": 12}]}
END
  run "$source_root/scripts/mm_table" "$scratch/mm.json" "$scratch/more.json"
  expect_status 0
  expect_output '^\| fork \| 4 KiB, base pages \| 1.4 µs \| - \|$'
  expect_output '^\| fork \| 64 KiB, base pages \| 1.5 µs \| 2.5 ms \|$'
  run "$source_root/scripts/mm_table" "$scratch/more.json" pages_p50
  expect_output '^\| fork \| 4 KiB, base pages \| 12 \|$'
  run "$source_root/scripts/mm_table"
  expect_status 2
}

test_mm_table_takes_the_median_of_repetitions_and_of_files() {
  local row='"name": "fork/machines:0/vcpus:0/bytes:4096/thp:0/repeats:3"'
  cat >"$scratch/mm.json" <<END
{"context": {"kvm": "secondary MMU"}, "benchmarks": [
 {$row, "run_type": "iteration", "call_p50_ns": 3000}, {$row, "run_type": "iteration", "call_p50_ns": 1000},
 {"name": "fork/machines:0/vcpus:0/bytes:4096/thp:0/repeats:3_cv", "run_type": "aggregate", "call_p50_ns": 0.4}]}
END
  run "$source_root/scripts/mm_table" "$scratch/mm.json"
  expect_output '^\| fork \| 4 KiB, base pages \| 2 µs \|$'
  cat >"$scratch/boot2.json" <<END
{"context": {"kvm": "secondary MMU"}, "benchmarks": [{$row, "run_type": "iteration", "call_p50_ns": 2500}]}
END
  run "$source_root/scripts/mm_table" "$scratch/mm.json" "$scratch/boot2.json"
  expect_status 0
  expect_output '^\| fork \| 4 KiB, base pages \| 2.5 µs \|$'
}

test_mm_table_leaves_out_a_file_that_is_not_whole() {
  echo '{"context": {"kvm": "secondary MMU"}, "benchmarks": [
 {"name": "fork/machines:0/vcpus:0/bytes:4096/thp:0", "call_p50_ns": 1500}]}' >"$scratch/mm.json"
  echo '{"context": {"kvm"' >"$scratch/cut.json"
  run "$source_root/scripts/mm_table" "$scratch/mm.json" "$scratch/cut.json"
  expect_status 1
  expect_output 'cut.json is left out: '
  expect_output '^\| fork \| 4 KiB, base pages \| 1.5 µs \|$'
}

test_table_of_kernels() {
  mkdir -p "$scratch/folder/compare"
  cat >"$scratch/folder/kernels.csv" <<'END'
kernel,suite,kernel_release,boot,status,seconds,reason
old,stable,6.1.0,1,ok,80,""
old,stable,6.1.0,2,failed,9,"a panic, said so"
old,stable,6.1.0,3,ok,120,""
new,sid,7.1.0,1,ok,70,""
gone,none,,1,skipped,0,"cannot be fetched"
END
  cat >"$scratch/folder/compare/kvm_6.1.0_7.1.0.csv" <<'END'
case_name,metric,statistic,headline,old,new,change,verdict,reason
a/64KiB,stall_ns,p50,yes,2000000,1000000,-0.5,faster,
a/64KiB,stall_ns,p90,yes,3000000,1000000,-0.6,faster,
b/64KiB,,,,,,,repaired,4 of 4 runs skipped before (why)
END
  run "$source_root/scripts/kernels_table" "$scratch/folder"
  expect_status 0
  expect_output '^\| old \| stable \| 6\.1\.0 \| 2 \| 1 \| 0 \| 80 to 120 \|$'
  expect_output '^\| gone \| none \| - \| 0 \| 0 \| 1 \| - \|$'
  expect_output '^- old, boot 2: failed: a panic, said so$'
  expect_output '^\| a/64KiB \| stall_ns \| 2 ms \| 1 ms \(-50 %, faster\) \|$'
  expect_output '^\| b/64KiB \| status \| - \| repaired: 4 of 4 runs skipped before \|$'
  run "$source_root/scripts/kernels_table" "$scratch/nothing"
  expect_status 2
}

run_test "$1"
