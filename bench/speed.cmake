# SPDX-License-Identifier: MIT
# What the software GPU itself costs. It looks inside softgpu, so there is no ROCm version.
add_executable(softgpu_speed
  ${CMAKE_CURRENT_LIST_DIR}/speed_kernels.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_measures.cpp
  ${CMAKE_CURRENT_LIST_DIR}/speed_notify.cpp)
target_include_directories(softgpu_speed PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(softgpu_speed
  PRIVATE softgpu fmt::fmt CLI11::CLI11 notifier_compile_options)
