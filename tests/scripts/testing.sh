# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by each *_test.sh, which ends with `run_test "$1"`: a scratch project that holds a copy of
# the scripts, and assertions that stop the test.
set -uo pipefail

source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
project=$scratch/project

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  [ ! -s "$scratch/output" ] || sed 's/^/  | /' "$scratch/output" >&2
  exit 1
}

# Runs a command without a terminal and without input; fills `status` and $scratch/output.
status=
run() {
  "$@" >"$scratch/output" 2>&1 </dev/null
  status=$?
}
expect_status() { [ "$status" = "$1" ] || fail "exit code $status instead of $1"; }
expect_output() { grep -qE -- "$1" "$scratch/output" || fail "no line of the output matches '$1'"; }
expect_no_output() { ! grep -qE -- "$1" "$scratch/output" || fail "a line of the output matches '$1'"; }
expect_last_line() {
  [ "$(tail -n 1 "$scratch/output")" = "$1" ] || fail "the last line is not '$1'"
}

# A git checkout with nothing but the scripts and the configuration that they read.
make_project() {
  mkdir -p "$project/docs"
  cp -r "$source_root/scripts" "$source_root/.clang-format" "$source_root/.clang-tidy" "$project/"
  cp "$source_root/docs/dependencies.md" "$project/docs/"
  git -C "$project" init --quiet
}

# Shadows a command with a script read from standard input.
shadow_command() { # shadow_command NAME
  mkdir -p "$scratch/bin"
  { printf '#!/bin/bash\n' && cat; } >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
  PATH=$scratch/bin:$PATH
}

# Runs a command as nobody when the test itself runs as root.
unprivileged() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
  else
    "$@"
  fi
}

readonly skip_code=77 # CMakeLists.txt tells ctest
skip() {
  printf 'SKIPPED: %s\n' "$*"
  exit "$skip_code"
}
needs_root() { [ "$(id -u)" = 0 ] || skip "has to run as root"; }
needs_mount() { unshare --mount true 2>/dev/null || skip "may not make a mount namespace"; }

run_test() { # run_test FUNCTION
  make_project
  "$1"
  printf 'passed: %s\n' "$1"
}
