#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# instrument_page_test.sh BENCH FOLDER: measures one case and looks at its trace and its report as
# other programs do: a trace reader from npm, and Chromium.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "$(readlink -f "$0")")/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/node.sh
source "$PROJECT_ROOT/scripts/lib/node.sh"

bench=$1
folder=$2
for needed in node npm "${CHROMIUM:-chromium}"; do
  if ! command -v "$needed" >/dev/null; then
    say "skipped: no $needed here (scripts/packages.txt names the packages)"
    exit 77
  fi
done
prepare_node || die 1 "the node modules cannot be installed"

rm -rf "$folder"
mkdir -p "$folder"
"$bench" --filter '^userptr/anon/fork_child_hold/default/preempt/small/(64KiB|4MiB|16MiB)$' \
  --size 64KiB --size 4MiB --size 16MiB --events 12 --runs 2 --no-self-test --results "$folder" \
  >"$folder/log" 2>&1 || { cat "$folder/log" >&2; die 1 "the bench failed"; }
NOTIFIER_RECORDING=$(dirname "$(find "$folder" -name report.html)")
export NOTIFIER_RECORDING
exec "$NODE" --test --test-concurrency=1 "$PROJECT_ROOT/tests/end_to_end/instrument_page_test.mjs"
