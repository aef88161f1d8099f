# SPDX-License-Identifier: MIT
# A chain of jobs across devices: finite jobs of its own instead of cases, hence a program of its own.
add_library(notifier_fence_table STATIC
  ${CMAKE_CURRENT_LIST_DIR}/fence_chain_table.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fence_rows.cpp)
target_link_libraries(notifier_fence_table
  PUBLIC notifier_harness
  PRIVATE notifier_compile_options)

add_library(notifier_fence_objects OBJECT
  ${CMAKE_CURRENT_LIST_DIR}/fence_chain.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fence_main.cpp)
target_link_libraries(notifier_fence_objects
  PUBLIC notifier_fence_table notifier_plain_bench CLI11::CLI11
  PRIVATE notifier_compile_options)

add_executable(notifier_fences_softgpu)
target_link_libraries(notifier_fences_softgpu
  PRIVATE notifier_fence_objects notifier_plain_bench notifier_harness notifier_kernels_softgpu softgpu notifier_compile_options)
if(TARGET notifier_kernels_hip)
  add_executable(notifier_fences)
  target_link_libraries(notifier_fences
    PRIVATE notifier_fence_objects notifier_plain_bench notifier_harness notifier_kernels_hip notifier_compile_options)
endif()
