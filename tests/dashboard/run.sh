#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh TEST.mjs FOLDER NOTIFIER_SITE NOTIFIER_SYNTHETIC_RESULTS: one file of browser tests.
# FOLDER is for the site that it works on.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "$(readlink -f "$0")")/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/node.sh
source "$PROJECT_ROOT/scripts/lib/node.sh"

test_file=$1
folder=$2
export NOTIFIER_SITE_TOOL=$3
synthetic=$4

for needed in node npm "${CHROMIUM:-chromium}"; do
  if ! command -v "$needed" >/dev/null; then
    say "skipped: no $needed here (scripts/packages.txt names the packages)"
    exit 77
  fi
done
prepare_node || die 1 "the node modules cannot be installed"

rm -rf "$folder"
mkdir -p "$folder"
"$synthetic" "$folder/results" --machines 3 --nights 80 --cases 60 --runs 4 --events 40
"$NOTIFIER_SITE_TOOL" "$folder/results" "$folder/site"
export NOTIFIER_SITE=$folder/site NOTIFIER_TEST_FOLDER=$folder
exec "$NODE" --test --test-concurrency=1 "$test_file"
