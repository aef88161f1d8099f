#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# soak.sh SOFTGPU_TESTS [OPERATIONS]: the random model with fresh seeds, as many operations in all
# (default one million), shared among the recoveries. Ends at the first run that fails and shows it.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "$(readlink -f "$0")")/../../scripts/lib/common.sh"

binary=$(readlink -f "${1:?usage: soak.sh SOFTGPU_TESTS [OPERATIONS]}")
wanted=${2:-1000000}
readonly steps=5000 # of a process: ranges that have ended stay known, and cost grows with them
readonly recoveries=("HSA_XNACK=0" "HSA_XNACK=1" "SOFTGPU_CWSR=0")

log=$(mktemp)
trap 'rm -f "$log"' EXIT
done_steps=0
runs=0
while [ "$done_steps" -lt "$wanted" ]; do
  for recovery in "${recoveries[@]}"; do
    code=0
    env "$recovery" SOFTGPU_DELAYS=off SOFTGPU_MODEL_STEPS=$steps \
      "$binary" --process-body=random_operations >"$log" 2>&1 || code=$?
    if [ "$code" != 0 ]; then
      cat "$log" >&2
      die "$exit_failed" "run $runs ($recovery) ended with $code after $done_steps operations"
    fi
    done_steps=$((done_steps + steps))
    runs=$((runs + 1))
  done
done
say "$done_steps operations in $runs runs of ${#recoveries[@]} recoveries: no wrong value, no accusation"
