# SPDX-License-Identifier: MIT
# --probe of the executables themselves, on every box: 0 where something can run there, else 77.
function(notifier_add_probe_test executable box expected)
  set(name ProbeCommand.${executable}_${box})
  add_test(NAME ${name} COMMAND sh -c
    "\"$1\" --probe --json --sysroot \"$2\" | grep -q '\"capabilities\"' || exit 1
     \"$1\" --probe --sysroot \"$2\" >/dev/null; code=$?; echo \"exit code $code\"; test $code = $3"
    sh $<TARGET_FILE:${executable}> ${CMAKE_CURRENT_LIST_DIR}/fixtures/${box} ${expected})
  set_tests_properties(${name} PROPERTIES TIMEOUT 60)
endfunction()

set(boxes_that_can gfx90a gfx90a_xnack gfx942 gfx1030 gfx1100_mes two_gpus)
set(boxes_that_cannot cwsr_off container_no_kfd no_gpu)
foreach(box ${boxes_that_can} ${boxes_that_cannot})
  notifier_add_probe_test(notifier_bench_softgpu ${box} 0)
endforeach()
if(TARGET notifier_bench)
  foreach(box ${boxes_that_can})
    notifier_add_probe_test(notifier_bench ${box} 0)
  endforeach()
  foreach(box ${boxes_that_cannot})
    notifier_add_probe_test(notifier_bench ${box} 77)
  endforeach()
endif()
