# SPDX-License-Identifier: MIT
# One interface target carries warnings and sanitizers; every target of ours links it.
# CMakePresets.json gives AddressSanitizer no optimisation: instrumented templates cost g++ 12 most in
# code generation, and the whole build takes 26 CPU minutes in place of 90 with -O1.
set(NOTIFIER_SANITIZE "" CACHE STRING "Sanitizers for all of our code, as -fsanitize= takes them")

add_library(notifier_compile_options INTERFACE)
target_compile_options(notifier_compile_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror)
if(NOTIFIER_SANITIZE)
  target_compile_options(notifier_compile_options INTERFACE
    -fsanitize=${NOTIFIER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(notifier_compile_options INTERFACE -fsanitize=${NOTIFIER_SANITIZE})
endif()

# g++ 12 takes std::regex's state machine for uninitialised when sanitizers instrument it
# (libstdc++ regex_automaton.h _State); the warning stays on everywhere else.
function(notifier_uses_regex)
  if(NOTIFIER_SANITIZE)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -Wno-maybe-uninitialized)
  endif()
endfunction()
