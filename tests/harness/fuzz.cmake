# SPDX-License-Identifier: MIT
# libFuzzer comes with clang only, whatever compiler builds the rest. Debian: clang and
# libclang-rt-dev.
set(NOTIFIER_FUZZ_SECONDS 30 CACHE STRING "How long the fuzz tests of ctest run")
find_program(NOTIFIER_FUZZ_COMPILER NAMES clang++ clang++-14 clang++-15 clang++-19)
set(fuzz_flags -std=c++20 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
  -fsanitize=fuzzer,address,undefined)

if(NOTIFIER_FUZZ_COMPILER)
  # Clang without its runtime libraries compiles but does not link.
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/fuzz_probe.cpp
    "extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n")
  execute_process(
    COMMAND ${NOTIFIER_FUZZ_COMPILER} ${fuzz_flags} fuzz_probe.cpp -o fuzz_probe
    WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}
    RESULT_VARIABLE fuzz_probe_failed OUTPUT_QUIET ERROR_QUIET)
endif()

set(fuzz_test fuzz_driver_event)
if(NOTIFIER_FUZZ_COMPILER AND NOT fuzz_probe_failed)
  set(fuzz_sources
    ${CMAKE_CURRENT_LIST_DIR}/fuzz_driver_event.cpp
    ${PROJECT_SOURCE_DIR}/harness/driver_event.cpp
    ${PROJECT_SOURCE_DIR}/harness/driver_event_pairing.cpp
    ${PROJECT_SOURCE_DIR}/harness/driver_event_parser.cpp)
  add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${fuzz_test}
    COMMAND ${NOTIFIER_FUZZ_COMPILER} ${fuzz_flags} -I${PROJECT_SOURCE_DIR}/harness
      ${fuzz_sources} -o ${CMAKE_CURRENT_BINARY_DIR}/${fuzz_test}
    DEPENDS ${fuzz_sources}
      ${PROJECT_SOURCE_DIR}/harness/driver_event.hpp
      ${PROJECT_SOURCE_DIR}/harness/driver_event_pairing.hpp
      ${PROJECT_SOURCE_DIR}/harness/driver_event_parser.hpp
    VERBATIM)
  add_custom_target(${fuzz_test}_build ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${fuzz_test})

  # Every input ever found is run first; what the run finds anew stays in the build folder.
  set(fuzz_corpus ${CMAKE_CURRENT_LIST_DIR}/fuzz_driver_event_corpus)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fuzz_found)
  add_test(NAME ${fuzz_test} COMMAND ${CMAKE_CURRENT_BINARY_DIR}/${fuzz_test} -max_total_time=${NOTIFIER_FUZZ_SECONDS}
    -max_len=1024 -print_final_stats=1 ${CMAKE_CURRENT_BINARY_DIR}/fuzz_found ${fuzz_corpus})
  math(EXPR fuzz_timeout "${NOTIFIER_FUZZ_SECONDS} + 90")
  set_tests_properties(${fuzz_test} PROPERTIES TIMEOUT ${fuzz_timeout} LABELS fuzz)
else()
  message(WARNING "no clang with libFuzzer (Debian: clang, libclang-rt-dev): the test "
    "${fuzz_test} is listed as disabled")
  add_test(NAME ${fuzz_test} COMMAND ${CMAKE_COMMAND} -E false)
  set_tests_properties(${fuzz_test} PROPERTIES DISABLED TRUE LABELS fuzz)
endif()
