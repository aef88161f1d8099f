#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: killed_vcpu_test.sh BENCH: the thread of a vCPU is killed in the middle of a case: that case has failed, with
# the signal in its row, and the others are measured.
set -euo pipefail
bench=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export SOFTGPU_ENGINE=kvm SOFTGPU_WAVES=1

# More events than fit, so that the case is met in its middle.
"$bench" --events 100000 --case-time-limit 3 --no-self-test --isolate --results "$folder" \
  --filter '^system/anon/(sham|dontneed)/default/retry_fault/small/64KiB$' >"$folder/log" 2>&1 &
parent=$!

# Of a worker that has made a vCPU, any thread but the main one: they all belong to the device.
find_vcpu_thread() {
  local worker task
  # shellcheck disable=SC2013 # numbers
  for worker in $(cat /proc/"$parent"/task/*/children 2>/dev/null); do
    for task in /proc/"$worker"/task/*; do
      task=${task##*/}
      if [ "$task" != "$worker" ] && readlink /proc/"$worker"/fd/* 2>/dev/null | grep -q kvm-vcpu; then
        echo "$task" && return
      fi
    done
  done
}
thread=
while [ -z "$thread" ]; do
  if ! kill -0 "$parent" 2>/dev/null; then # it ended before there was a vCPU
    status=0
    wait "$parent" || status=$?
    cat "$folder/log"
    [ "$status" != 77 ] || exit 77
    exit 1
  fi
  # The case must have begun: its line is the last one without a result.
  thread=$(grep -q '\[1/2\]' "$folder/log" && find_vcpu_thread) || sleep 0.1
done
kill -KILL "$thread"
status=0
wait "$parent" || status=$?
cat "$folder/log"
[ "$status" = 1 ]
grep -q '1 ok, 0 skipped, 1 failed' "$folder/log"
grep -q 'signal 9' "$folder"/*/*/summary.csv
