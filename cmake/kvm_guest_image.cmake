# SPDX-License-Identifier: MIT
# softgpu_add_guest_image(NAME SOURCES kernel...): the kernels compiled once more, for a vCPU, and an
# object library NAME that carries them (softgpu/kvm). The property GUEST_IMAGE_ELF of NAME names the
# linked image, for tests.
set(SOFTGPU_GUEST_DIR ${PROJECT_SOURCE_DIR}/softgpu/kvm/guest)

# Nothing that an emulated guest rejects, nothing that needs a runtime: general registers only, no
# thread-local data, no stack protector, no instrumentation. The red zone would be overwritten by
# nothing here (exceptions have a stack of their own), but costs nothing to do without.
set(SOFTGPU_GUEST_OPTIONS
  -O2 -g0 -mgeneral-regs-only -mno-red-zone -fno-stack-protector -fcf-protection=none
  -fno-exceptions -fno-rtti -fno-asynchronous-unwind-tables -fno-threadsafe-statics
  -fno-jump-tables -fno-sanitize=all -fPIE -fvisibility=hidden -ffunction-sections
  -Wall -Wextra -Werror)

function(softgpu_add_guest_image name)
  cmake_parse_arguments(image "" "" "SOURCES" ${ARGN})
  add_library(${name}_guest OBJECT ${image_SOURCES})
  set_source_files_properties(${image_SOURCES} PROPERTIES LANGUAGE CXX)
  target_include_directories(${name}_guest PRIVATE ${SOFTGPU_GUEST_DIR} ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name}_guest PRIVATE notifier_hip_headers)
  target_compile_options(${name}_guest PRIVATE ${SOFTGPU_GUEST_OPTIONS})
  add_library(${name}_start OBJECT ${SOFTGPU_GUEST_DIR}/start.S)
  set(elf ${CMAKE_CURRENT_BINARY_DIR}/${name}.elf)
  set(binary ${CMAKE_CURRENT_BINARY_DIR}/${name}.bin)
  add_custom_command(OUTPUT ${elf} ${binary}
    COMMAND ${CMAKE_LINKER} -m elf_x86_64 -static -no-pie --no-warn-rwx-segments --gc-sections --build-id=none
            -T ${SOFTGPU_GUEST_DIR}/image.ld -o ${elf}
            $<TARGET_OBJECTS:${name}_guest> $<TARGET_OBJECTS:${name}_start>
    COMMAND ${CMAKE_OBJCOPY} -O binary ${elf} ${binary}
    DEPENDS $<TARGET_OBJECTS:${name}_guest> $<TARGET_OBJECTS:${name}_start>
            ${SOFTGPU_GUEST_DIR}/image.ld
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name}_image DEPENDS ${binary})
  # A copy of the source of its own: source properties belong to a folder, not to a target.
  set(embed ${CMAKE_CURRENT_BINARY_DIR}/${name}_embed.cpp)
  configure_file(${SOFTGPU_GUEST_DIR}/embed_image.cpp ${embed} COPYONLY)
  add_library(${name} OBJECT ${embed})
  set_source_files_properties(${embed} PROPERTIES OBJECT_DEPENDS ${binary})
  target_compile_definitions(${name} PRIVATE SOFTGPU_GUEST_IMAGE="${binary}")
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  add_dependencies(${name} ${name}_image)
  set_target_properties(${name} PROPERTIES GUEST_IMAGE_ELF ${elf})
endfunction()
