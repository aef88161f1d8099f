# SPDX-License-Identifier: MIT
# Finite kernels: the application waits for them, or KFD preempts them.
add_library(notifier_drain_objects OBJECT
  ${CMAKE_CURRENT_LIST_DIR}/drain_cases.cpp
  ${CMAKE_CURRENT_LIST_DIR}/drain_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/drain_session.cpp
  ${CMAKE_CURRENT_LIST_DIR}/drain_worker.cpp)
target_link_libraries(notifier_drain_objects
  PUBLIC notifier_plain_bench
  PRIVATE notifier_compile_options)

add_executable(notifier_drain_softgpu)
target_link_libraries(notifier_drain_softgpu PRIVATE
  notifier_drain_objects notifier_plain_bench notifier_harness notifier_kernels_softgpu ${NOTIFIER_KERNELS_KVM} softgpu
  notifier_compile_options)
if(TARGET notifier_kernels_hip)
  add_executable(notifier_drain)
  target_link_libraries(notifier_drain PRIVATE
    notifier_drain_objects notifier_plain_bench notifier_harness notifier_kernels_hip notifier_compile_options)
endif()
