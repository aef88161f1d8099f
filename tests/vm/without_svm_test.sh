#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: without_svm_test.sh BUILD_FOLDER [KERNEL_PACKAGE...]: a machine without nested virtualisation and with an amdgpu driver
# that has no GPU; what cannot run there says why. Then it panics: that fails, keeps the console, and loses nothing.
set -euo pipefail
# shellcheck source=tests/vm/machine.sh
source "$(dirname "$(readlink -f "$0")")/machine.sh"

programs=("$build/bench/notifier_bench_softgpu" "$build/bench/notifier_mm" "$build/softgpu/guest_helper")
if [ -x "$build/bench/notifier_bench" ]; then programs+=("$build/bench/notifier_bench"); fi
status=0
NOTIFIER_ACCELERATOR=tcg NOTIFIER_GUEST_CPU=EPYC,-svm NOTIFIER_GUEST_MODULES=amdgpu \
  NOTIFIER_GUEST_SECONDS=${NOTIFIER_GUEST_SECONDS:-900} "$top/scripts/guest" "${packages[@]}" -- "$folder" \
  "$top/tests/vm/commands_without_svm" "${programs[@]}" || status=$?
grep -v 'TCG doesn' "$folder/console" || true
[ "$status" = 1 ] || die 1 "a machine that panicked was reported as $status"
[ ! -e "$folder/status" ] || die 1 "the machine came to the end of its commands"
grep -q 'Kernel panic - not syncing: sysrq triggered crash' "$folder/console" || die 1 "the console has no panic"
[ -s "$folder/verdicts" ] || die 1 "nothing came out of the machine that panicked"
cat "$folder/verdicts"
! grep -v '^right: ' "$folder/verdicts"
