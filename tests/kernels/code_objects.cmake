# SPDX-License-Identifier: MIT
# What hipcc made: the workload kernels for every architecture, with its waits in the right order, and
# flawed kernels in which the same checker must find the flaw.
if(NOT NOTIFIER_HIP_OBJDUMP OR NOT NOTIFIER_HIP_READELF)
  message(FATAL_ERROR "hipcc was found but not the llvm-objdump and llvm-readelf of its LLVM. On Debian: apt-get "
    "install llvm-15; elsewhere it lies beside ROCm's clang.")
endif()
list(TRANSFORM NOTIFIER_HIP_ARCHITECTURES_USED PREPEND --architecture=
  OUTPUT_VARIABLE architecture_options)
set(workload_kernel _ZN8notifier15workload_kernelENS_17WorkloadArgumentsE)
set(workload_full_kernel _ZN8notifier20workload_full_kernelENS_17WorkloadArgumentsE)
set(workload_job_kernel _ZN8notifier19workload_job_kernelENS_12JobArgumentsE)

function(notifier_add_code_object_test name file kernel)
  notifier_add_python_test(${name} ${CMAKE_CURRENT_SOURCE_DIR}/code_objects/check_code_objects.py
    --objdump ${NOTIFIER_HIP_OBJDUMP} --kernel ${kernel} ${architecture_options} ${ARGN} ${file})
endfunction()

get_target_property(kernel_objects notifier_kernels_hip NOTIFIER_HIP_OBJECTS)
list(FILTER kernel_objects INCLUDE REGEX "/workload\\.hip\\.o$")
notifier_add_code_object_test(CodeObjects.WorkloadStampsAfterItsAccesses
  ${kernel_objects} ${workload_kernel})
get_target_property(kernel_objects notifier_kernels_hip NOTIFIER_HIP_OBJECTS)
list(FILTER kernel_objects INCLUDE REGEX "/workload_job\\.hip\\.o$")
notifier_add_code_object_test(CodeObjects.JobStampsAfterItsAccesses
  ${kernel_objects} ${workload_job_kernel})
get_target_property(kernel_objects notifier_kernels_hip NOTIFIER_HIP_OBJECTS)
list(FILTER kernel_objects INCLUDE REGEX "/workload_full\\.hip\\.o$")
# kHeldRegisterWords are two registers each, kHeldLocalWords eight bytes; a wave of the small context
# has some 65 registers.
set(full_context --readelf ${NOTIFIER_HIP_READELF} --least-vector-registers=128 --local-bytes=8192)
notifier_add_code_object_test(CodeObjects.FullContextIsHeldAndStampsAfterItsAccesses
  ${kernel_objects} ${workload_full_kernel} ${full_context})
get_target_property(kernel_objects notifier_kernels_hip NOTIFIER_HIP_OBJECTS)
list(FILTER kernel_objects INCLUDE REGEX "/workload\\.hip\\.o$")
notifier_add_code_object_test(CodeObjects.SmallContextIsTold
  ${kernel_objects} ${workload_kernel} ${full_context}
  "--expect-problem=vector registers, fewer than 128")
if(TARGET notifier_bench)
  notifier_add_code_object_test(CodeObjects.ExecutableHoldsTheFullContext
    $<TARGET_FILE:notifier_bench> ${workload_full_kernel} ${full_context})
  notifier_add_code_object_test(CodeObjects.ExecutableHoldsTheJob
    $<TARGET_FILE:notifier_bench> ${workload_job_kernel})
  notifier_add_code_object_test(CodeObjects.ExecutableHoldsTheWorkload
    $<TARGET_FILE:notifier_bench> ${workload_kernel})
endif()

set(mutants ${CMAKE_CURRENT_SOURCE_DIR}/code_objects/mutants)
notifier_add_hip_kernels(kernel_mutant_no_read_back
  PRIMITIVES ${mutants}/no_read_back SOURCES ${PROJECT_SOURCE_DIR}/kernels/workload.hip)
notifier_add_hip_kernels(kernel_mutant_job_no_read_back
  PRIMITIVES ${mutants}/no_read_back SOURCES ${PROJECT_SOURCE_DIR}/kernels/workload_job.hip)
notifier_add_hip_kernels(kernel_mutant_loops SOURCES ${mutants}/stamped_loops.hip)
get_target_property(no_read_back kernel_mutant_no_read_back NOTIFIER_HIP_OBJECTS)
get_target_property(job_no_read_back kernel_mutant_job_no_read_back NOTIFIER_HIP_OBJECTS)
get_target_property(loops kernel_mutant_loops NOTIFIER_HIP_OBJECTS)
notifier_add_code_object_test(CodeObjects.WorkloadWithoutReadBackIsFound
  ${no_read_back} ${workload_kernel} "--expect-problem=store without a load after it")
notifier_add_code_object_test(CodeObjects.JobWithoutReadBackIsFound
  ${job_no_read_back} ${workload_job_kernel} "--expect-problem=store without a load after it")
notifier_add_code_object_test(CodeObjects.LoopAsItShouldBePasses
  ${loops} loop_as_it_should_be)
notifier_add_code_object_test(CodeObjects.LoopThatWaitsAfterTheStampIsFound
  ${loops} loop_that_waits_after_the_stamp "--expect-problem=load not waited for")
notifier_add_code_object_test(CodeObjects.LoopThatDoesNotReadBackIsFound
  ${loops} loop_that_does_not_read_back "--expect-problem=store without a load after it")
notifier_add_code_object_test(CodeObjects.LoopThatReadsBackOnOnePathIsFound
  ${loops} loop_that_reads_back_on_one_path "--expect-problem=store without a load after it")
notifier_add_code_object_test(CodeObjects.MissingKernelIsFound
  ${loops} loop_that_nobody_wrote "--expect-problem=no kernel")
