# SPDX-License-Identifier: MIT
# What mm calls cost against secondary MMUs (docs/notifier_mm.md). vCPUs are x86-64 ones.
if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  return()
endif()
softgpu_add_guest_image(notifier_sweep_image SOURCES ${CMAKE_CURRENT_LIST_DIR}/notifier_sweep.hip)
add_library(notifier_mm_objects OBJECT
  ${CMAKE_CURRENT_LIST_DIR}/notifier_calls.cpp
  ${CMAKE_CURRENT_LIST_DIR}/notifier_sweepers.cpp)
target_include_directories(notifier_mm_objects PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(notifier_mm_objects
  PUBLIC softgpu fmt::fmt
  PRIVATE notifier_compile_options)

add_executable(notifier_mm ${CMAKE_CURRENT_LIST_DIR}/notifier_main.cpp)
target_link_libraries(notifier_mm
  PRIVATE notifier_mm_objects notifier_sweep_image benchmark::benchmark CLI11::CLI11 notifier_compile_options)
