# SPDX-License-Identifier: MIT
# The part of the harness that deals with the driver and the machine, as a library of its own so
# that its tests need no GPU. notifier_harness links it.
set(NOTIFIER_HARNESS_DRIVER_SIDE
  ${CMAKE_CURRENT_LIST_DIR}/clock_correlation.cpp
  ${CMAKE_CURRENT_LIST_DIR}/clock_reader.cpp
  ${CMAKE_CURRENT_LIST_DIR}/driver_actions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/driver_event.cpp
  ${CMAKE_CURRENT_LIST_DIR}/driver_event_listener.cpp
  ${CMAKE_CURRENT_LIST_DIR}/driver_event_pairing.cpp
  ${CMAKE_CURRENT_LIST_DIR}/driver_event_parser.cpp
  ${CMAKE_CURRENT_LIST_DIR}/environment.cpp
  ${CMAKE_CURRENT_LIST_DIR}/environment_build.cpp
  ${CMAKE_CURRENT_LIST_DIR}/environment_field.cpp
  ${CMAKE_CURRENT_LIST_DIR}/environment_gpu.cpp
  ${CMAKE_CURRENT_LIST_DIR}/environment_kernel.cpp
  ${CMAKE_CURRENT_LIST_DIR}/environment_memory.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gpu_locality.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gpu_users.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kernel_log.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kernel_probe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kfd_counters.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kfd_topology.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kernel_trace.cpp
  ${CMAKE_CURRENT_LIST_DIR}/machine_health.cpp
  ${CMAKE_CURRENT_LIST_DIR}/probe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/probe_capabilities.cpp
  ${CMAKE_CURRENT_LIST_DIR}/probe_case_needs.cpp
  ${CMAKE_CURRENT_LIST_DIR}/protection_watchdog.cpp
  ${CMAKE_CURRENT_LIST_DIR}/run_safety.cpp
  ${CMAKE_CURRENT_LIST_DIR}/smaps.cpp
  ${CMAKE_CURRENT_LIST_DIR}/system_settings.cpp
  ${CMAKE_CURRENT_LIST_DIR}/system_view.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vmstat.cpp)

find_package(ZLIB REQUIRED)  # /proc/config.gz

add_library(notifier_driver_side STATIC ${NOTIFIER_HARNESS_DRIVER_SIDE})
target_include_directories(notifier_driver_side PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(notifier_driver_side
  PUBLIC nlohmann_json::nlohmann_json fmt::fmt Threads::Threads
  PRIVATE notifier_compile_options notifier_hip_headers ZLIB::ZLIB ${CMAKE_DL_LIBS})

# linux/kfd_ioctl.h includes drm/drm.h for its integer types only, and Debian's linux-libc-dev comes
# without the drm folder.
find_path(DRM_UAPI_INCLUDE_DIR drm/drm.h)
if(DRM_UAPI_INCLUDE_DIR)
  set(NOTIFIER_KFD_TYPES_DIR ${DRM_UAPI_INCLUDE_DIR})
else()
  set(NOTIFIER_KFD_TYPES_DIR ${PROJECT_BINARY_DIR}/kfd_types)
  file(CONFIGURE OUTPUT ${NOTIFIER_KFD_TYPES_DIR}/drm/drm.h
    CONTENT "#include <linux/ioctl.h>\n#include <linux/types.h>\n")
endif()
# For those who include linux/kfd_ioctl.h.
add_library(notifier_kfd_headers INTERFACE)
target_include_directories(notifier_kfd_headers SYSTEM INTERFACE ${NOTIFIER_KFD_TYPES_DIR})
target_link_libraries(notifier_driver_side PRIVATE notifier_kfd_headers)

# An executable that contains hsaKmtOpenSMI itself (softgpu) has to export it: the listener looks it
# up with dlsym, since not every libhsakmt has it.
target_link_options(notifier_driver_side INTERFACE
  LINKER:--undefined=hsaKmtOpenSMI LINKER:--export-dynamic-symbol=hsaKmtOpenSMI)

# The commit of every build, not of the last configuration.
set(NOTIFIER_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)
add_custom_target(notifier_git_commit
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR}
    -DOUTPUT=${NOTIFIER_GENERATED_DIR}/git_commit.hpp -P ${CMAKE_CURRENT_LIST_DIR}/git_commit.cmake
  BYPRODUCTS ${NOTIFIER_GENERATED_DIR}/git_commit.hpp
  COMMENT "")
add_dependencies(notifier_driver_side notifier_git_commit)
target_include_directories(notifier_driver_side PRIVATE ${NOTIFIER_GENERATED_DIR})
target_compile_definitions(notifier_driver_side PRIVATE
  NOTIFIER_BUILD_TYPE="${CMAKE_BUILD_TYPE}" NOTIFIER_SANITIZERS="${NOTIFIER_SANITIZE}")
