# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034  # looked_at and found are scripts/check's
# The checks of scripts/check that need the compile commands of the release build.

readonly compile_commands=build/release/compile_commands.json

# COMMAND FILE for each file, several at a time; prints the output of those that fail.
in_parallel() { # in_parallel FILES COMMAND...
  local files=$1
  shift
  # shellcheck disable=SC2016
  xargs -d '\n' -P "$(job_count)" -I '{}' bash -c '
    output=$("${@:2}" "$1" 2>&1) || printf "%s\n" "${output:-$1: failed without a word}"' \
    in_parallel '{}' "$@" <<<"$files"
}

need_compile_commands() {
  configure_preset release -DBUILD_TESTING=ON >build/check-configure.log 2>&1 && [ -f "$compile_commands" ] && return 0
  report "cannot configure the release build (log: build/check-configure.log)"
  return 1
}

# The files in the compile commands, relative to the project.
compiled_files() {
  sed -nE 's/^ *"file": "(.*)",?$/\1/p' "$compile_commands" | sed "s,^$PROJECT_ROOT/,," | sort -u
}

# A file that no target compiles is found too: it would otherwise escape every check. Fuzz tests are
# compiled by clang in a command of their own, which the compile commands lack.
check_tidy() {
  local files orphans output
  mkdir -p build
  need_compile_commands || return
  files=$(files_matching '\.cpp$' | grep -v '/fuzz_[a-z_]*\.cpp$')
  orphans=$(comm -23 <(say "$files" | sort) <(compiled_files))
  looked_at="$(count_of "$files") files"
  [ -n "$files" ] || return 0
  report_lines "$(sed -n 's/..*/&: no target compiles this file/p' <<<"$orphans")"
  files=$(comm -12 <(sort <<<"$files") <(compiled_files))
  [ -n "$files" ] || return 0
  output=$(in_parallel "$files" clang-tidy -p build/release --quiet)
  # A finding in a header shows up once for each file that includes it.
  say "$output" | grep -vE '^[0-9]+ warnings? (generated|treated)' | awk 'NF && !seen[$0]++'
  found=$((found + $(grep -E ': (error|warning): ' <<<"$output" | sort -u | wc -l)))
}

# Include paths and definitions of all targets; a header must compile with them and nothing before it.
include_flags() {
  grep -oE -- '(-I|-isystem )[^ "]+|-D[A-Za-z_0-9]+(=[^ "\\]*)?' "$compile_commands" | sort -u | grep -v -- '-DGTEST'
}

header_compiles() { # header_compiles HEADER
  local -a flags
  mapfile -t flags < <(tr ' ' '\n' <<<"$header_flags")
  printf '#include "%s"\n' "$PROJECT_ROOT/$1" |
    g++ -std=c++20 -fsyntax-only -fmax-errors=3 -Wall -Wextra -Werror "${flags[@]}" -x c++ -
}

# Headers of kernels/amd/ need a GPU compiler: the build of notifier_kernels_hip compiles them.
check_headers() {
  local headers output header_flags
  mkdir -p build
  need_compile_commands || return
  headers=$(files_matching '\.hpp$' | grep -v '^kernels/amd/')
  looked_at="$(count_of "$headers") files"
  [ -n "$headers" ] || return 0
  header_flags=$(include_flags)
  export PROJECT_ROOT header_flags
  export -f header_compiles
  output=$(in_parallel "$headers" header_compiles)
  report_lines "$(grep -E ': (fatal )?error: ' <<<"$output" | sed "s,^$PROJECT_ROOT/,," | sort -u)"
}
