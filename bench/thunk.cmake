# SPDX-License-Identifier: MIT
# What programs share that have no Suite.
add_library(notifier_plain_bench STATIC
  ${CMAKE_CURRENT_LIST_DIR}/finite_job_cases.cpp
  ${CMAKE_CURRENT_LIST_DIR}/finite_job_program.cpp
  ${CMAKE_CURRENT_LIST_DIR}/plain_memory.cpp
  ${CMAKE_CURRENT_LIST_DIR}/recording_identity.cpp)
target_link_libraries(notifier_plain_bench
  PUBLIC notifier_case_filter notifier_harness CLI11::CLI11
  PRIVATE notifier_compile_options)

# The thunk's memory calls. Linked without HIP: that these link says that no HIP is in the process.
add_library(notifier_thunk_objects OBJECT
  ${CMAKE_CURRENT_LIST_DIR}/thunk_cases.cpp
  ${CMAKE_CURRENT_LIST_DIR}/thunk_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/thunk_memory.cpp
  ${CMAKE_CURRENT_LIST_DIR}/thunk_suite.cpp)
target_link_libraries(notifier_thunk_objects
  PUBLIC notifier_plain_bench
  PRIVATE notifier_compile_options)

add_executable(notifier_thunk_softgpu)
target_link_libraries(notifier_thunk_softgpu
  PRIVATE notifier_thunk_objects softgpu notifier_compile_options)
if(NOTIFIER_ROCM_FOUND)
  add_executable(notifier_thunk)
  target_link_libraries(notifier_thunk
    PRIVATE notifier_thunk_objects notifier_hsakmt notifier_compile_options)
endif()
