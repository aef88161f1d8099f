#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/check finds what is planted, and nothing where nothing is.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

readonly licence='// SPDX-License-Identifier: MIT'

plant() { # plant PATH: content from standard input
  mkdir -p "$project/$(dirname "$1")"
  cat >"$project/$1"
}
check() { run "$project/scripts/check" "$@"; }

# A project that compiles: clang-tidy and the header check need compile commands.
make_library() {
  cp "$source_root/CMakePresets.json" "$project/"
  plant CMakeLists.txt <<'END'
# SPDX-License-Identifier: MIT
cmake_minimum_required(VERSION 3.25)
project(scratch LANGUAGES CXX)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
file(GLOB sources harness/compiled*.cpp)
add_library(scratch STATIC ${sources})
target_include_directories(scratch PRIVATE ${CMAKE_SOURCE_DIR})
add_custom_target(notifier_git_commit) # writes no header here
END
  plant harness/compiled.cpp <<END
$licence
int one() { return 1; }
END
}

test_text_checks_find_nothing_where_nothing_is() {
  printf '%s\nint one();\n' "$licence" | plant harness/one.hpp
  check format shell size licence words conditionals dependencies
  expect_status 0
  expect_last_line "0 findings"
  expect_output '^check format +0 findings, 1 files'
}

test_format() {
  printf '%s\nint  one( );\n' "$licence" | plant harness/one.hpp
  printf '%s\nint  two( );\n' "$licence" | plant kernels/two.hip
  check format
  expect_status 1
  expect_output '^harness/one.hpp:2:'
  expect_output '^kernels/two.hip:2:'
}

test_size() {
  { printf '%s\n' "$licence" && seq -f '// %g' 399; } | plant harness/fits.hpp
  check size
  expect_status 0
  { printf '%s\n' "$licence" && seq -f '// %g' 400; } | plant harness/long.hpp
  check size
  expect_status 1
  expect_output '^harness/long.hpp: 401 lines'
  expect_no_output 'fits'
}

test_licence() {
  printf 'int one();\n' | plant harness/one.hpp
  check licence
  expect_status 1
  expect_output '^harness/one.hpp: no'
}

test_words_finds_a_personal_path() {
  # Put together here, since this file is checked too.
  printf 'see /%s/somebody/notes\n' home | plant docs/notes.md
  check words
  expect_status 1
  expect_output '^docs/notes.md:1:'
}

test_words_finds_the_path_of_this_checkout() {
  printf 'built in %s/build\n' "$(realpath "$project")" | plant docs/notes.md
  check words
  expect_status 1
  expect_output '^docs/notes.md:1:'
}

test_words_finds_a_registry_host() {
  printf 'fetched from packages.mirror.example\n' | plant docs/notes.md
  run env npm_config_registry=https://packages.mirror.example:8080/npm "$project/scripts/check" words
  expect_status 1
  expect_output '^docs/notes.md:1:'
}

test_words_allows_public_names() {
  printf 'https://deb.debian.org/debian and <a/home/page>, /homework/x\n' | plant docs/notes.md
  check words
  expect_status 0
}

test_conditionals() {
  printf '%s\n#ifdef __HIP_PLATFORM_AMD__\n#endif\n' "$licence" | plant bench/one.cpp
  printf '%s\n#  if defined(__AMDGCN__)\n#endif\n' "$licence" | plant kernels/two.hip
  printf '%s\n#ifdef __HIP_DEVICE_COMPILE__\n#endif\n' "$licence" | plant kernels/amd/three.hpp
  printf '%s\n#ifdef __linux__\n#endif\n' "$licence" | plant softgpu/four.cpp
  printf '%s\n#ifndef MADV_COLLAPSE\n#endif\n' "$licence" | plant harness/five.cpp
  check conditionals
  expect_status 1
  expect_output '^bench/one.cpp:2:'
  expect_output '^kernels/two.hip:2:'
  expect_no_output 'three|four|five'
}

test_shell() {
  # shellcheck disable=SC2016
  printf '#!/bin/bash\n# SPDX-License-Identifier: MIT\nrm $1\n' | plant scripts/careless
  check shell
  expect_status 1
  expect_output '^scripts/careless:3:.*SC2086'
}

test_dependencies() {
  printf 'an extra line\n' >>"$project/docs/dependencies.md"
  check dependencies
  expect_status 1
  expect_output 'docs/dependencies.md differs'
}

test_headers() {
  make_library
  printf '%s\n#include <cstdint>\nstd::uint8_t one();\n' "$licence" | plant harness/one.hpp
  check headers
  expect_status 0
  expect_output '^check headers +0 findings, 1 files'
  printf '%s\nstd::uint8_t two();\n' "$licence" | plant harness/two.hpp
  check headers
  expect_status 1
  expect_output 'harness/two.hpp:2:.*error'
}

test_tidy() {
  make_library
  check tidy
  expect_status 0
  expect_output '^check tidy +0 findings, 1 files'
  printf '%s\nint* none() { return 0; }\n' "$licence" | plant harness/compiled_null.cpp
  check tidy
  expect_status 1
  expect_output 'harness/compiled_null.cpp:2:.*modernize-use-nullptr'
}

test_tidy_finds_long_functions() {
  make_library
  { printf '%s\nint sum(int value) {\n' "$licence" && seq -f '  value += %g;' 61 &&
    printf '  return value;\n}\n'; } | plant harness/compiled_long.cpp
  check tidy
  expect_status 1
  expect_output 'compiled_long.cpp:2:.*readability-function-size'
}

test_tidy_finds_a_file_that_no_target_compiles() {
  make_library
  printf '%s\nint two() { return 2; }\n' "$licence" | plant harness/forgotten.cpp
  check tidy
  expect_status 1
  expect_output '^harness/forgotten.cpp: no target compiles this file'
}

test_an_unconfigurable_project_is_a_finding() {
  make_library
  printf 'message(FATAL_ERROR broken)\n' >>"$project/CMakeLists.txt"
  check tidy headers
  expect_status 1
  expect_output 'cannot configure the release build'
}

test_changed_looks_at_changed_files_only() {
  printf '%s\nint  old( );\n' "$licence" | plant harness/old.hpp
  git -C "$project" add -A
  git -C "$project" -c user.name=test -c user.email=test@localhost commit --quiet -m start
  printf '%s\nint two();\n' "$licence" | plant harness/two.hpp
  check --changed format
  expect_status 0
  expect_output '^check format +0 findings, 1 files'
  printf '// more\n' >>"$project/harness/old.hpp"
  check --changed HEAD format
  expect_status 1
  expect_output '^check format +[12] findings, 2 files'
}

test_unknown_check() {
  check spelling
  expect_status 2
  expect_output "unknown argument 'spelling'"
}

run_test "$1"
