# SPDX-License-Identifier: MIT
# What the software GPU itself costs. It looks inside softgpu, so there is no ROCm version.
add_library(softgpu_speed_cases STATIC
  ${CMAKE_CURRENT_LIST_DIR}/speed_cases.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_events.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_kernels.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_measures.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_notify.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_placement.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_table.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_wake.cpp)
target_include_directories(softgpu_speed_cases PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(softgpu_speed_cases
  PUBLIC notifier_harness softgpu
  PRIVATE fmt::fmt notifier_compile_options)

add_executable(softgpu_speed ${CMAKE_CURRENT_LIST_DIR}/speed_main.cpp)
target_link_libraries(softgpu_speed
  PRIVATE softgpu_speed_cases notifier_plain_bench softgpu notifier_compile_options)

# The plain loop is six instructions: across a boundary it takes two cycles instead of one, and the
# ratio to it would be luck.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/speed_kernels.cpp PROPERTIES COMPILE_OPTIONS -falign-loops=64)
