# SPDX-License-Identifier: MIT
# The pin cases need no GPU, real or software: a library of their own and a small program.
add_library(notifier_pin_cases STATIC
  ${CMAKE_CURRENT_LIST_DIR}/pin_case_list.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_cases.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_suite.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_table.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_table_pages.cpp)
target_link_libraries(notifier_pin_cases
  PUBLIC notifier_case_filter notifier_pin_engine notifier_analysis
  PRIVATE notifier_compile_options CLI11::CLI11)

add_executable(notifier_pin ${CMAKE_CURRENT_LIST_DIR}/pin_program.cpp)
target_link_libraries(notifier_pin PRIVATE notifier_pin_cases notifier_compile_options)

# The same, with a GPU kernel on the page: software, and ROCm where the toolchain is there.
add_executable(notifier_pin_softgpu ${CMAKE_CURRENT_LIST_DIR}/pin_device.cpp)
target_link_libraries(notifier_pin_softgpu
  PRIVATE notifier_pin_cases notifier_harness notifier_kernels_softgpu softgpu
    notifier_compile_options)
if(TARGET notifier_kernels_hip)
  add_executable(notifier_pin_rocm ${CMAKE_CURRENT_LIST_DIR}/pin_device.cpp)
  target_link_libraries(notifier_pin_rocm
    PRIVATE notifier_pin_cases notifier_harness notifier_kernels_hip notifier_compile_options)
endif()
