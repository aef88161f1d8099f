# SPDX-License-Identifier: MIT
# The graphics path of amdgpu, where libdrm_amdgpu is (Debian: libdrm-dev). Its logic is built and
# tested without.
add_library(notifier_graphics_cases STATIC
  ${CMAKE_CURRENT_LIST_DIR}/graphics_cases.cpp
  ${PROJECT_SOURCE_DIR}/harness/graphics/sdma.cpp)
target_link_libraries(notifier_graphics_cases
  PUBLIC notifier_plain_bench
  PRIVATE notifier_compile_options)

find_path(LIBDRM_INCLUDE_DIR amdgpu.h PATH_SUFFIXES libdrm)
find_path(LIBDRM_XF86_INCLUDE_DIR xf86drm.h)
find_library(LIBDRM_LIBRARY drm)
find_library(LIBDRM_AMDGPU_LIBRARY drm_amdgpu)
if(LIBDRM_INCLUDE_DIR AND LIBDRM_XF86_INCLUDE_DIR AND LIBDRM_LIBRARY AND LIBDRM_AMDGPU_LIBRARY)
  add_executable(notifier_graphics
    ${CMAKE_CURRENT_LIST_DIR}/graphics_main.cpp
    ${PROJECT_SOURCE_DIR}/harness/graphics/amdgpu.cpp)
  target_include_directories(notifier_graphics SYSTEM PRIVATE
    ${LIBDRM_INCLUDE_DIR} ${LIBDRM_XF86_INCLUDE_DIR})
  target_link_libraries(notifier_graphics PRIVATE notifier_graphics_cases
    ${LIBDRM_AMDGPU_LIBRARY} ${LIBDRM_LIBRARY} notifier_compile_options)
else()
  message(STATUS "notifier_graphics is not built: no libdrm_amdgpu (Debian: libdrm-dev)")
endif()
