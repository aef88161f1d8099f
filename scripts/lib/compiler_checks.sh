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

# The compile commands, and the one header that a build writes.
need_compile_commands() {
  { configure_preset release -DBUILD_TESTING=ON && cmake --build build/release --target notifier_git_commit; } \
    >build/check-configure.log 2>&1 && [ -f "$compile_commands" ] && return 0
  report "cannot configure the release build (log: build/check-configure.log)"
  return 1
}

# The files in the compile commands, relative to the project.
compiled_files() {
  sed -nE 's/^ *"file": "(.*)",?$/\1/p' "$compile_commands" | sed "s,^$PROJECT_ROOT/,," | sort -u
}

# clang-tidy has to know the C++20 that g++ 12 knows, std::source_location for one: 16 or later.
clang_tidy_command() {
  local version
  for version in 16 17 18 19 20; do
    command -v "clang-tidy-$version" && return
  done
  say clang-tidy
}

# What the compile commands of the release build lack: fuzz tests are compiled by clang in a command of
# their own, a guest image's source is copied for each image, a test of a layout is a project of its own.
readonly compiled_elsewhere='/fuzz_[a-z_]*\.cpp$|^softgpu/kvm/guest/embed_image\.cpp$|^tests/kernels/rocm_layout/'

# A file that no target compiles is found too: it would otherwise escape every check.
check_tidy() {
  local files orphans output
  mkdir -p build
  need_compile_commands || return
  files=$(files_matching '\.cpp$' | grep -vE "$compiled_elsewhere")
  orphans=$(comm -23 <(say "$files" | sort) <(compiled_files))
  looked_at="$(count_of "$files") files"
  [ -n "$files" ] || return 0
  report_lines "$(sed -n 's/..*/&: no target compiles this file/p' <<<"$orphans")"
  files=$(comm -12 <(sort <<<"$files") <(compiled_files))
  [ -n "$files" ] || return 0
  output=$(in_parallel "$files" "$(clang_tidy_command)" -p build/release --quiet)
  # A finding in a header shows up once for each file that includes it.
  say "$output" | grep -vE '^[0-9]+ warnings? (generated|treated)' | awk 'NF && !seen[$0]++'
  found=$((found + $(grep -E ': (error|warning): |failed without' <<<"$output" | sort -u | wc -l)))
}

# Prints FOLDER<tab>FLAGS, each once: the include paths and definitions that files there have.
flags_by_folder() {
  sed -nE 's/^ *"command": "(.*)",?$/\1/p; s/^ *"file": "(.*)",?$/\1/p' "$compile_commands" |
    while IFS= read -r command && IFS= read -r file; do
      file=${file#"$PROJECT_ROOT"/}
      printf '%s\t%s\n' "${file%/*}" "$(grep -oE -- '(-I|-isystem )[^ "]+|-D[A-Za-z_0-9]+(=[^ "\\]*)?' <<<"$command" | tr '\n' ' ')"
    done | sort -u
}

# Whether the header compiles as some file beside it or in a folder above is compiled; where there is
# none, as any file is.
header_compiles() { # header_compiles HEADER
  local folder flags output first_output=''
  for folder in $(folders_above "$1") '*'; do
    [ "$folder" != '*' ] || [ -z "$first_output" ] || break
    while IFS= read -r flags; do
      # shellcheck disable=SC2086 # a list of flags
      output=$(printf '#include "%s"\n' "$PROJECT_ROOT/$1" |
        g++ -std=c++20 -fsyntax-only -fmax-errors=3 -Wall -Wextra -Werror $flags -x c++ - 2>&1) && return 0
      first_output=${first_output:-$output}
    done < <(awk -F '\t' -v folder="$folder" 'folder == "*" || $1 == folder { print $2 }' <<<"$header_flags")
  done
  printf '%s\n' "$first_output"
  return 1
}
folders_above() { # folders_above PATH
  local folder=$1
  while [[ $folder == */* ]]; do
    folder=${folder%/*}
    printf '%s\n' "$folder"
  done
}

# The build has shown that a header compiles on its own where its .cpp includes it first.
included_first() { # included_first HEADER
  local source=${1%.hpp}.cpp
  [ -f "$source" ] && grep -qxF "$source" <<<"$compiled" &&
    [ "$(grep -m 1 '^#include' "$source")" = "#include \"$1\"" ]
}

# Headers of kernels/amd/, and the mutants of them that tests have, need a GPU compiler: the builds of
# notifier_kernels_hip and of the mutants compile them.
check_headers() {
  local header headers compiled to_compile=() output header_flags
  mkdir -p build
  need_compile_commands || return
  headers=$(files_matching '\.hpp$' | grep -vE '^kernels/amd/|/mutants/')
  compiled=$(compiled_files)
  while IFS= read -r header; do
    [ -z "$header" ] || included_first "$header" || to_compile+=("$header")
  done <<<"$headers"
  looked_at="$(count_of "$headers") files, ${#to_compile[@]} of them not included first by their .cpp"
  [ "${#to_compile[@]}" != 0 ] || return 0
  header_flags=$(flags_by_folder)
  export PROJECT_ROOT header_flags
  export -f header_compiles folders_above
  output=$(in_parallel "$(printf '%s\n' "${to_compile[@]}")" header_compiles)
  report_lines "$(grep -E 'error: ' <<<"$output" | sed "s,^$PROJECT_ROOT/,," | sort -u)"
}
