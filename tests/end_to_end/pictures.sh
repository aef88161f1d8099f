#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pictures.sh BENCH: measures fork_child_hold at four sizes and renews the pictures of report and
# trace in docs/images.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "$(readlink -f "$0")")/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/node.sh
source "$PROJECT_ROOT/scripts/lib/node.sh"

bench=$(readlink -f "$1")
prepare_node || die 1 "the node modules cannot be installed"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$bench" --filter '^userptr/anon/fork_child_hold/default/preempt/' --size 64KiB --size 1MiB --size 4MiB \
  --size 16MiB --events 30 --runs 4 --results "$folder"
recording=$(dirname "$(find "$folder" -name report.html)")
"$NODE" "$PROJECT_ROOT/tests/end_to_end/pictures.mjs" "$recording" "$PROJECT_ROOT/docs/images"
