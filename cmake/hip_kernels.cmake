# SPDX-License-Identifier: MIT
# The ROCm side of the build: hipcc, the architectures it can compile for, the libraries, and a
# function that compiles kernels into one fat binary which g++-compiled host code can link.
#
# Sets NOTIFIER_ROCM_FOUND and, if true, NOTIFIER_HIP_ARCHITECTURES_USED and the targets
# notifier_hsakmt, notifier_rocm (libamdhip64 and libhsakmt) and, through
# notifier_add_hip_kernels(), the kernels.
set(NOTIFIER_ROCM AUTO CACHE STRING "Build notifier_bench for ROCm: AUTO (if found), ON or OFF")
set_property(CACHE NOTIFIER_ROCM PROPERTY STRINGS AUTO ON OFF)
set(NOTIFIER_HIP_ARCHITECTURES "" CACHE STRING
  "GPU architectures to compile for, with features (gfx90a:xnack+); empty: all the toolchain knows")
# A GPU runs code for its own target only, so each one is named.
set(NOTIFIER_HIP_CANDIDATES
  gfx900 gfx906 gfx908 gfx90a:xnack+ gfx90a:xnack- gfx940 gfx942:xnack+ gfx942:xnack-
  gfx950:xnack+ gfx950:xnack- gfx1030 gfx1031 gfx1032 gfx1034 gfx1035 gfx1036 gfx1100 gfx1101
  gfx1102 gfx1103 gfx1150 gfx1151 gfx1152 gfx1153 gfx1200 gfx1201)
# One block is one wave of at most 64 lanes. Without this the compiler keeps room for blocks of 1024
# and spills registers to memory (seen on gfx906).
set(NOTIFIER_HIP_FLAGS -std=c++20 -O3 -fPIC -Wall -Wextra -Werror --gpu-max-threads-per-block=64)

set(NOTIFIER_ROCM_HINTS ${ROCM_PATH} $ENV{ROCM_PATH} /opt/rocm)
find_program(NOTIFIER_HIPCC hipcc HINTS ${NOTIFIER_ROCM_HINTS} PATH_SUFFIXES bin)
find_library(NOTIFIER_HIP_LIBRARY amdhip64 HINTS ${NOTIFIER_ROCM_HINTS} PATH_SUFFIXES lib lib64)
find_library(NOTIFIER_HSAKMT_LIBRARY hsakmt HINTS ${NOTIFIER_ROCM_HINTS} PATH_SUFFIXES lib lib64)

# What keeps notifier_bench from being built, or nothing.
function(notifier_find_rocm_obstacle result)
  set(obstacle "")
  if(NOT NOTIFIER_ROCM)
    set(obstacle "NOTIFIER_ROCM is OFF")
  elseif(NOT NOTIFIER_HIPCC)
    set(obstacle "no hipcc (Debian: apt-get install hipcc; elsewhere set ROCM_PATH)")
  elseif(NOT NOTIFIER_HIP_LIBRARY)
    set(obstacle "no libamdhip64 (Debian: apt-get install libamdhip64-dev)")
  elseif(NOT NOTIFIER_HSAKMT_LIBRARY)
    set(obstacle "no libhsakmt (Debian: apt-get install libhsakmt-dev; ROCm releases after August \
2025 ship none, see ROCR-Runtime pull request 342: name one in NOTIFIER_HSAKMT_LIBRARY)")
  endif()
  set(${result} "${obstacle}" PARENT_SCOPE)
endfunction()

# A name in the list counts only if the compiler and the device library both know it, which an empty
# kernel shows. The answer is cached per compiler version, for it takes a second per name.
function(notifier_find_hip_architectures result)
  execute_process(COMMAND ${NOTIFIER_HIPCC} --version OUTPUT_VARIABLE version ERROR_QUIET)
  string(SHA1 key "${NOTIFIER_HIPCC} ${version} ${NOTIFIER_HIP_CANDIDATES}")
  if(NOT NOTIFIER_HIP_ARCHITECTURES_KEY STREQUAL key)
    set(directory ${CMAKE_BINARY_DIR}/CMakeFiles/hip_architectures)
    file(WRITE ${directory}/empty.hip
      "#include <hip/hip_runtime.h>\n__global__ void empty_kernel() {}\n")
    set(found "")
    foreach(architecture IN LISTS NOTIFIER_HIP_CANDIDATES)
      execute_process(
        COMMAND ${NOTIFIER_HIPCC} --offload-arch=${architecture} -c empty.hip -o empty.o
        WORKING_DIRECTORY ${directory} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
      if(NOT failed)
        list(APPEND found ${architecture})
      endif()
    endforeach()
    set(NOTIFIER_HIP_ARCHITECTURES_FOUND "${found}" CACHE INTERNAL "known to hipcc")
    set(NOTIFIER_HIP_ARCHITECTURES_KEY ${key} CACHE INTERNAL "what the list was made with")
  endif()
  set(${result} "${NOTIFIER_HIP_ARCHITECTURES_FOUND}" PARENT_SCOPE)
endfunction()

# The tools that understand hipcc's output are those of the LLVM it runs.
function(notifier_find_hip_llvm_tools)
  execute_process(COMMAND ${NOTIFIER_HIPCC} --offload-arch=gfx906 -x hip -c /dev/null -o /dev/null
    "-###" OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX MATCH "\"([^\"]*)/clang[^\"/]*\" \"-cc1\"" ignored "${text}")
  set(directory "${CMAKE_MATCH_1}")
  find_program(NOTIFIER_HIP_OBJDUMP llvm-objdump HINTS ${directory} NO_DEFAULT_PATH)
  find_program(NOTIFIER_HIP_READELF llvm-readelf HINTS ${directory} NO_DEFAULT_PATH)
  find_program(NOTIFIER_HIP_OFFLOAD_BUNDLER clang-offload-bundler HINTS ${directory}
    NO_DEFAULT_PATH)
endfunction()

# notifier_add_hip_kernels(<target> [PRIMITIVES <folder>] SOURCES <source.hip>...): a static library
# of the objects that hipcc makes, with the device primitives of kernels/amd or of that folder.
function(notifier_add_hip_kernels target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PRIMITIVES" "SOURCES")
  if(NOT arg_PRIMITIVES)
    set(arg_PRIMITIVES ${PROJECT_SOURCE_DIR}/kernels/amd)
  endif()
  set(offload ${NOTIFIER_HIP_ARCHITECTURES_USED})
  list(TRANSFORM offload PREPEND --offload-arch=)
  set(objects "")
  foreach(source IN LISTS arg_SOURCES)
    get_filename_component(name ${source} NAME)
    get_filename_component(source ${source} ABSOLUTE)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}/${name}.o)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${target})
    add_custom_command(OUTPUT ${object}
      COMMAND ${NOTIFIER_HIPCC} ${NOTIFIER_HIP_FLAGS} ${offload}
        -I${PROJECT_SOURCE_DIR} -I${arg_PRIMITIVES}
        -MD -MT ${object} -MF ${object}.d
        -c ${source} -o ${object}
      DEPENDS ${source}
      DEPFILE ${object}.d
      COMMENT "Compiling HIP kernels ${target}/${name}" VERBATIM COMMAND_EXPAND_LISTS)
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    list(APPEND objects ${object})
  endforeach()
  add_library(${target} STATIC ${objects})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX NOTIFIER_HIP_OBJECTS "${objects}")
  target_link_libraries(${target} PUBLIC notifier_rocm)
endfunction()

notifier_find_rocm_obstacle(NOTIFIER_ROCM_OBSTACLE)
if(NOTIFIER_ROCM_OBSTACLE)
  set(NOTIFIER_ROCM_FOUND FALSE)
  if(NOTIFIER_ROCM STREQUAL "ON")
    message(FATAL_ERROR "NOTIFIER_ROCM is ON, but: ${NOTIFIER_ROCM_OBSTACLE}")
  endif()
  message(STATUS "notifier_bench is not built: ${NOTIFIER_ROCM_OBSTACLE}")
else()
  set(NOTIFIER_ROCM_FOUND TRUE)
  set(NOTIFIER_HIP_ARCHITECTURES_USED ${NOTIFIER_HIP_ARCHITECTURES})
  if(NOT NOTIFIER_HIP_ARCHITECTURES_USED)
    notifier_find_hip_architectures(NOTIFIER_HIP_ARCHITECTURES_USED)
  endif()
  if(NOT NOTIFIER_HIP_ARCHITECTURES_USED)
    message(FATAL_ERROR "${NOTIFIER_HIPCC} compiles an empty kernel for none of "
      "${NOTIFIER_HIP_CANDIDATES}; set NOTIFIER_HIP_ARCHITECTURES, or NOTIFIER_ROCM=OFF.")
  endif()
  message(STATUS "HIP architectures: ${NOTIFIER_HIP_ARCHITECTURES_USED}")
  notifier_find_hip_llvm_tools()

  add_library(notifier_hsakmt INTERFACE)
  target_link_libraries(notifier_hsakmt INTERFACE ${NOTIFIER_HSAKMT_LIBRARY})
  if(NOTIFIER_HSAKMT_LIBRARY MATCHES "\\.a$")
    # What ROCR-Runtime's libhsakmt/CMakeLists.txt links into it, for ROCm 5.7 to 7.0.
    target_link_libraries(notifier_hsakmt INTERFACE drm_amdgpu drm numa rt Threads::Threads dl)
  endif()
  add_library(notifier_rocm INTERFACE)
  target_link_libraries(notifier_rocm INTERFACE ${NOTIFIER_HIP_LIBRARY} notifier_hsakmt)
endif()
