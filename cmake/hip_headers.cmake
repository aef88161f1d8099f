# SPDX-License-Identifier: MIT
# HIP and hsakmt declarations come from ROCm's own headers (Debian: libamdhip64-dev, libhsakmt-dev),
# for softgpu as well: none is written by hand.
# A ROCm installation first and whole: its headers do not go with the distribution's library.
set(rocm_includes $ENV{ROCM_PATH}/include ${ROCM_PATH}/include /opt/rocm/include)
foreach(distribution_too NO_DEFAULT_PATH "")
  find_path(HIP_INCLUDE_DIR hip/hip_runtime_api.h HINTS ${rocm_includes} ${distribution_too})
  find_path(HSAKMT_INCLUDE_DIR NAMES hsakmt/hsakmt.h hsakmt.h
    HINTS ${rocm_includes} ${distribution_too})
endforeach()
if(NOT HIP_INCLUDE_DIR OR NOT HSAKMT_INCLUDE_DIR)
  message(FATAL_ERROR "HIP or hsakmt headers not found. On Debian: apt-get install libamdhip64-dev "
    "libhsakmt-dev. Elsewhere set ROCM_PATH to the ROCm installation.")
endif()
if(EXISTS ${HSAKMT_INCLUDE_DIR}/hsakmt/hsakmt.h)
  set(HSAKMT_INCLUDE_DIR ${HSAKMT_INCLUDE_DIR}/hsakmt)
endif()

add_library(notifier_hip_headers INTERFACE)
target_include_directories(notifier_hip_headers SYSTEM INTERFACE
  ${HIP_INCLUDE_DIR} ${HSAKMT_INCLUDE_DIR})
target_compile_definitions(notifier_hip_headers INTERFACE __HIP_PLATFORM_AMD__)
