# SPDX-License-Identifier: MIT
# The pin cases need no GPU, real or software: a library of their own and a small program.
add_library(notifier_pin_cases STATIC
  ${CMAKE_CURRENT_LIST_DIR}/pin_cases.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_suite.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pin_table.cpp)
target_link_libraries(notifier_pin_cases
  PUBLIC notifier_pin_engine notifier_analysis
  PRIVATE notifier_compile_options CLI11::CLI11)

add_executable(notifier_pin ${CMAKE_CURRENT_LIST_DIR}/pin_program.cpp)
target_link_libraries(notifier_pin PRIVATE notifier_pin_cases notifier_compile_options)
