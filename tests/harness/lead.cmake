# SPDX-License-Identifier: MIT
# Tests of the host side that need no device, real or software.
add_executable(host_side_test
  backing_test.cpp
  bystander_set_test.cpp
  case_test.cpp
  console_table_test.cpp
  decomposition_test.cpp
  event_trace_test.cpp
  explain_test.cpp
  format_test.cpp
  hazard_test.cpp
  integrity_test.cpp
  kernel_context_test.cpp
  message_channel_test.cpp
  meter_test.cpp
  perturbation_collapse_test.cpp
  perturbation_table_test.cpp
  recording_test.cpp
  sample_analysis_test.cpp
  stall_cause_test.cpp
  storm_test.cpp
  timer_thread_test.cpp
  unexpected_evictions_test.cpp
  userfault_hold_test.cpp
  worker_protocol_test.cpp)
target_link_libraries(host_side_test
  PRIVATE notifier_harness notifier_kernels_softgpu softgpu notifier_compile_options
    GTest::gmock_main)
gtest_discover_tests(host_side_test PROPERTIES TIMEOUT 60)

# This executable starts itself again as a worker that misbehaves as told.
add_executable(worker_process_test worker_process_test.cpp)
target_link_libraries(worker_process_test
  PRIVATE notifier_harness notifier_kernels_softgpu softgpu notifier_compile_options GTest::gtest)
gtest_discover_tests(worker_process_test PROPERTIES TIMEOUT 60)
