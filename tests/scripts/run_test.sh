#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/run with a bench that prints its arguments, on a project that builds nothing else.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

# The "bench" prints what it got and ends with the code that it finds in an argument code=N.
make_bench_project() {
  cp "$source_root/CMakePresets.json" "$project/"
  printf 'run | bash | command bash | it runs this\n' >"$project/scripts/packages.txt"
  printf 'gpu | bash | command bash | it runs this\n' >>"$project/scripts/packages.txt"
  cat >"$project/fake_bench" <<'END'
#!/bin/bash
echo "started ${0##*/} in $PWD with $# arguments: $*"
[ -d "${TMPDIR:-/tmp}" ] && [ -w "${TMPDIR:-/tmp}" ] && echo "temporary folder is usable"
for argument in "$@"; do
  [[ $argument != code=* ]] || exit "${argument#code=}"
done
END
  chmod +x "$project/fake_bench"
  cat >"$project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(scratch LANGUAGES NONE)
foreach(bench notifier_bench_softgpu notifier_bench)
  add_custom_target(${bench} COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/fake_bench
    ${CMAKE_BINARY_DIR}/bench/${bench})
endforeach()
END
}

test_runs_the_software_gpu_without_a_gpu() {
  [ ! -e /dev/kfd ] || skip "this machine has a GPU"
  make_bench_project
  run "$project/scripts/run"
  expect_status 0
  expect_output '^started notifier_bench_softgpu in'
}

test_platform_is_taken_at_its_word() {
  make_bench_project
  run "$project/scripts/run" --platform rocm
  expect_output '^started notifier_bench in'
  run "$project/scripts/run" --platform=software
  expect_output '^started notifier_bench_softgpu in'
  run "$project/scripts/run" --platform cuda
  expect_status 2
}

test_arguments_go_to_the_bench() {
  make_bench_project
  run "$project/scripts/run" --platform software --runs 3 'a b' --help
  expect_output 'with 6 arguments: --results .* --runs 3 a b --help$'
  run "$project/scripts/run" --platform software -- --help
  expect_output 'with 3 arguments: --results .* --help$'
}

test_results_gather_in_the_project() {
  make_bench_project
  cd / || fail "cd"
  run "$project/scripts/run" --platform software
  expect_output "with 2 arguments: --results $(realpath "$project")/results\$"
  run "$project/scripts/run" --platform software --results=mine
  expect_output 'with 1 arguments: --results=mine$'
}

test_exit_code_is_the_bench_s() {
  make_bench_project
  local code
  for code in 0 1 4 77 130; do
    run "$project/scripts/run" --platform software code=$code
    expect_status $code
  done
}

test_runs_from_any_folder_and_twice() {
  make_bench_project
  cd / || fail "cd"
  run "$project/scripts/run" --platform software
  expect_status 0
  expect_output 'started notifier_bench_softgpu in / '
  run "$project/scripts/run" --platform software
  expect_status 0
}

test_runs_through_a_symbolic_link() {
  make_bench_project
  ln -s "$project/scripts/run" "$scratch/notifier"
  run "$scratch/notifier" --platform software
  expect_status 0
}

test_a_folder_with_a_space_in_its_name() {
  make_bench_project
  mv "$project" "$scratch/my project"
  run "$scratch/my project/scripts/run" --platform software
  expect_status 0
}

test_without_a_usable_tmp() {
  make_bench_project
  run env TMPDIR="$scratch/none" "$project/scripts/run" --platform software
  expect_status 0
  expect_output '^temporary folder is usable$'
}

test_with_a_read_only_tmp() {
  needs_root
  needs_mount
  make_bench_project
  mkdir "$scratch/read_only"
  # shellcheck disable=SC2016
  run env TMPDIR="$scratch/read_only" unshare --mount \
    bash -c 'mount -t tmpfs -o ro none "$TMPDIR" && exec "$@"' - "$project/scripts/run" --platform software
  expect_status 0
  expect_output '^temporary folder is usable$'
}

test_a_failing_build_says_why() {
  make_bench_project
  printf 'add_custom_target(bad COMMAND sh -c "echo the reason; exit 1")\n' >>"$project/CMakeLists.txt"
  printf 'add_dependencies(notifier_bench_softgpu bad)\n' >>"$project/CMakeLists.txt"
  run "$project/scripts/run" --platform software
  expect_status 1
  expect_output 'the reason'
  expect_output 'the build failed'
  expect_no_output '^started'
}

test_a_failing_configuration_says_why() {
  make_bench_project
  printf 'message(FATAL_ERROR "the reason")\n' >>"$project/CMakeLists.txt"
  run "$project/scripts/run" --platform software
  expect_status 1
  expect_output 'the reason'
}

test_missing_packages_stop_it() {
  make_bench_project
  printf 'run | notifier-test-package | command no_such_command | test\n' >>"$project/scripts/packages.txt"
  chmod 777 "$project"
  run unprivileged "$project/scripts/run" --platform software
  expect_status 2
  expect_output '^  apt-get install .*notifier-test-package'
}

test_help_needs_no_build() {
  run "$project/scripts/run" --help
  expect_status 0
  expect_output '^Usage: scripts/run'
  [ ! -e "$project/build" ] || fail "it built something"
}

run_test "$1"
