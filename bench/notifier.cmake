# SPDX-License-Identifier: MIT
# What mm calls cost against secondary MMUs (docs/notifier_mm.md). vCPUs are x86-64 ones.
if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  return()
endif()
softgpu_add_guest_image(notifier_sweep_image SOURCES ${CMAKE_CURRENT_LIST_DIR}/notifier_sweep.hip)
add_executable(notifier_mm
  ${CMAKE_CURRENT_LIST_DIR}/notifier_calls.cpp
  ${CMAKE_CURRENT_LIST_DIR}/notifier_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/notifier_sweepers.cpp)
target_include_directories(notifier_mm PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(notifier_mm
  PRIVATE softgpu notifier_sweep_image benchmark::benchmark CLI11::CLI11 fmt::fmt notifier_compile_options)
