#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# soak.sh SOFTGPU_TESTS [OPERATIONS [AT_ONCE]]: the random model with fresh seeds, as many operations
# in all (default one million), shared among the recoveries, so many runs at once (default: CPUs).
# Ends when a run fails, and shows it: its seed repeats it.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "$(readlink -f "$0")")/../../scripts/lib/common.sh"

binary=$(readlink -f "${1:?usage: soak.sh SOFTGPU_TESTS [OPERATIONS [AT_ONCE]]}")
wanted=${2:-1000000}
at_once=${3:-$(nproc)}
readonly steps=5000 # of a process: ranges that have ended stay known, and cost grows with them
readonly recoveries=("HSA_XNACK=0" "HSA_XNACK=1" "SOFTGPU_CWSR=0")

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

run_one() { # run_one NUMBER
  local recovery=${recoveries[$(($1 % ${#recoveries[@]}))]} code=0
  env "$recovery" SOFTGPU_DELAYS=off SOFTGPU_MODEL_STEPS=$steps \
    "$binary" --process-body=random_operations >"$logs/$1" 2>&1 || code=$?
  [ "$code" = 0 ] || say "run $1 ($recovery) ended with $code" >>"$logs/$1"
  return "$code"
}

runs=$(((wanted + steps - 1) / steps))
begun=0
running=0
failed=0
while [ "$begun" -lt "$runs" ] || [ "$running" -gt 0 ]; do
  while [ "$begun" -lt "$runs" ] && [ "$running" -lt "$at_once" ] && [ "$failed" = 0 ]; do
    run_one "$begun" &
    begun=$((begun + 1))
    running=$((running + 1))
  done
  [ "$running" -gt 0 ] || break
  wait -n || failed=$?
  running=$((running - 1))
done
if [ "$failed" != 0 ]; then
  grep -l "ended with" "$logs"/* | while read -r log; do cat "$log" >&2; done
  die "$exit_failed" "a run failed; $begun of $runs were begun"
fi
say "$((runs * steps)) operations in $runs runs of ${#recoveries[@]} recoveries: no wrong value, no accusation"
