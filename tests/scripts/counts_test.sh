#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/test on a project whose tests are `true`, `false` and their like.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

# A project that configures in a moment; standard input is what follows in its CMakeLists.txt.
make_cmake_project() {
  cp "$source_root/CMakePresets.json" "$project/"
  {
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(scratch LANGUAGES NONE)\nenable_testing()\n'
    cat
  } >"$project/CMakeLists.txt"
}

only() { # only STAGE...
  local stage
  local -a arguments=(--no-setup)
  for stage in "$@"; do arguments+=(--only "$stage"); done
  run "$project/scripts/test" "${arguments[@]}"
}

test_all_passed() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
add_test(NAME second COMMAND true)
END
  only release
  expect_status 0
  expect_last_line "2 passed, 0 failed, 0 skipped"
}

test_stages_are_summed() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
add_test(NAME second COMMAND true)
add_test(NAME left_out COMMAND sh -c "exit 7")
set_tests_properties(left_out PROPERTIES SKIP_RETURN_CODE 7)
END
  only release asan-ubsan tsan
  expect_status 0
  expect_output '^release +2 passed +0 failed +1 skipped'
  expect_output '^tsan +2 passed +0 failed +1 skipped'
  expect_last_line "6 passed, 0 failed, 3 skipped"
}

test_a_failing_test_fails_the_run_and_the_next_stage_runs() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
add_test(NAME second COMMAND false)
END
  only release tsan
  expect_status 1
  expect_last_line "2 passed, 2 failed, 0 skipped"
}

test_a_test_that_cannot_start_is_a_failure() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
add_test(NAME second COMMAND no_such_executable)
END
  only release
  expect_status 1
  expect_last_line "1 passed, 1 failed, 0 skipped"
}

test_a_hanging_test_is_a_failure() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
add_test(NAME second COMMAND sleep 1000)
set_tests_properties(second PROPERTIES TIMEOUT 1)
END
  only release
  expect_status 1
  expect_last_line "1 passed, 1 failed, 0 skipped"
}

test_no_test_at_all_is_a_failure() {
  make_cmake_project </dev/null
  only release
  expect_status 1
  expect_last_line "0 passed, 1 failed, 0 skipped"
}

test_only_skipped_tests_is_a_failure() {
  make_cmake_project <<'END'
add_test(NAME left_out COMMAND sh -c "exit 7")
set_tests_properties(left_out PROPERTIES SKIP_RETURN_CODE 7)
END
  only release
  expect_status 1
  expect_last_line "0 passed, 1 failed, 1 skipped"
}

test_a_failing_configuration_is_a_failure() {
  make_cmake_project <<'END'
message(FATAL_ERROR "this does not configure")
END
  only release
  expect_status 1
  expect_output 'building release failed'
  expect_output 'this does not configure|CMake Error'
  expect_last_line "0 passed, 1 failed, 0 skipped"
}

test_a_failing_build_fails_though_the_tests_pass() {
  make_cmake_project <<'END'
add_custom_target(broken ALL COMMAND false)
add_test(NAME first COMMAND true)
END
  only release
  expect_status 1
  expect_output 'building release failed'
  expect_last_line "1 passed, 1 failed, 0 skipped"
}

test_a_finding_of_check_counts() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
END
  shadow_check 'echo "1 findings"; exit 1'
  only check release
  expect_status 1
  expect_output '^check +0 passed +1 failed'
  expect_last_line "1 passed, 1 failed, 0 skipped"
}

test_quick_is_check_and_release() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
END
  shadow_check 'exit 0'
  run "$project/scripts/test" --no-setup --quick
  expect_status 0
  expect_output '^== check'
  expect_output '^== release'
  expect_no_output '^== (asan|tsan)'
  expect_last_line "1 passed, 0 failed, 0 skipped"
}

shadow_check() { printf '#!/bin/sh\n%s\n' "$1" >"$project/scripts/check"; }

test_works_from_any_folder_and_twice() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
END
  cd / || fail "cd"
  only release
  expect_status 0
  only release
  expect_status 0
}

test_a_build_folder_of_another_place_is_made_anew() {
  make_cmake_project <<'END'
add_test(NAME first COMMAND true)
END
  only release
  mv "$project" "$scratch/moved"
  project=$scratch/moved
  only release
  expect_status 0
  expect_last_line "1 passed, 0 failed, 0 skipped"
}

test_missing_packages_stop_it() {
  printf 'run | notifier-test-package | command no_such_command | test\n' >>"$project/scripts/packages.txt"
  run unprivileged "$project/scripts/test" --quick
  expect_status 2
  expect_output '^  apt-get install .*notifier-test-package'
}

test_unknown_option() {
  run "$project/scripts/test" --fast
  expect_status 2
  run "$project/scripts/test" --only nothing
  expect_status 2
  expect_output '--only takes one of: check release asan-ubsan tsan'
  run "$project/scripts/test" --only
  expect_status 2
}

run_test "$1"
