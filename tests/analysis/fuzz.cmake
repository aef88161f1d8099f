# SPDX-License-Identifier: MIT
# The readers of notifier_compare and notifier_validate under libFuzzer, which comes with clang only,
# whatever compiler builds the rest. Debian: clang and libclang-rt-dev.
set(NOTIFIER_FUZZ_SECONDS 30 CACHE STRING "How long the fuzz tests of ctest run")
find_program(NOTIFIER_FUZZ_COMPILER NAMES clang++ clang++-14 clang++-15 clang++-19)
set(reader_fuzz_flags -std=c++20 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
  -DFMT_HEADER_ONLY -I${PROJECT_SOURCE_DIR})
set(reader_fuzz_folder ${CMAKE_CURRENT_BINARY_DIR}/fuzz_reader_objects)
file(MAKE_DIRECTORY ${reader_fuzz_folder} ${CMAKE_CURRENT_BINARY_DIR}/fuzz_reader_found)

if(NOTIFIER_FUZZ_COMPILER)
  # Clang without its runtime libraries compiles but does not link.
  file(WRITE ${reader_fuzz_folder}/probe.cpp
    "extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n")
  execute_process(
    COMMAND ${NOTIFIER_FUZZ_COMPILER} -fsanitize=fuzzer,address,undefined probe.cpp -o probe
    WORKING_DIRECTORY ${reader_fuzz_folder}
    RESULT_VARIABLE reader_fuzz_probe_failed OUTPUT_QUIET ERROR_QUIET)
endif()

if(NOT NOTIFIER_FUZZ_COMPILER OR reader_fuzz_probe_failed)
  message(WARNING "no clang with libFuzzer (Debian: clang, libclang-rt-dev): the test fuzz_reader is "
    "listed as disabled")
  add_test(NAME fuzz_reader COMMAND ${CMAKE_COMMAND} -E false)
  set_tests_properties(fuzz_reader PROPERTIES DISABLED TRUE LABELS fuzz)
  return()
endif()

# What the readers and the comparison behind them need, and nothing else.
set(reader_fuzz_sources tests/analysis/fuzz_reader.cpp)
foreach(name bootstrap correction csv files flags harrell_davis json_text manifest metrics occupancy
    rank_test schema shift statistics utf8)
  list(APPEND reader_fuzz_sources analysis/${name}.cpp)
endforeach()
foreach(name comparison environment google_benchmark_runs judge notes outcome_rows pairing power
    read_google_benchmark_csv read_google_benchmark_json read_recording run_quantiles sample_events
    series verdict)
  list(APPEND reader_fuzz_sources analysis/compare/${name}.cpp)
endforeach()
set(reader_fuzz_objects)
foreach(source ${reader_fuzz_sources})
  string(REPLACE "/" "_" object ${source})
  set(object ${reader_fuzz_folder}/${object}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${NOTIFIER_FUZZ_COMPILER} ${reader_fuzz_flags} -fsanitize=fuzzer-no-link,address,undefined
      -MD -MF ${object}.d -c ${PROJECT_SOURCE_DIR}/${source} -o ${object}
    DEPENDS ${PROJECT_SOURCE_DIR}/${source} DEPFILE ${object}.d VERBATIM)
  list(APPEND reader_fuzz_objects ${object})
endforeach()
set(reader_fuzz ${CMAKE_CURRENT_BINARY_DIR}/fuzz_reader)
add_custom_command(OUTPUT ${reader_fuzz}
  COMMAND ${NOTIFIER_FUZZ_COMPILER} -fsanitize=fuzzer,address,undefined ${reader_fuzz_objects}
    -lpthread -lz -o ${reader_fuzz}
  DEPENDS ${reader_fuzz_objects} VERBATIM)
add_custom_target(fuzz_reader_build ALL DEPENDS ${reader_fuzz})

# Every input ever found is run first; what the run finds anew stays in the build folder.
add_test(NAME fuzz_reader
  COMMAND ${reader_fuzz} -max_total_time=${NOTIFIER_FUZZ_SECONDS} -max_len=8192 -timeout=25
    -print_final_stats=1 ${CMAKE_CURRENT_BINARY_DIR}/fuzz_reader_found
    ${CMAKE_CURRENT_LIST_DIR}/fuzz_reader_corpus)
math(EXPR reader_fuzz_timeout "${NOTIFIER_FUZZ_SECONDS} + 90")
set_tests_properties(fuzz_reader PROPERTIES TIMEOUT ${reader_fuzz_timeout} LABELS fuzz)
