# SPDX-License-Identifier: MIT
# One interface target carries warnings and sanitizers; every target of ours links it.
set(NOTIFIER_SANITIZE "" CACHE STRING "Sanitizers for all of our code, as -fsanitize= takes them")

add_library(notifier_compile_options INTERFACE)
target_compile_options(notifier_compile_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror)
if(NOTIFIER_SANITIZE)
  target_compile_options(notifier_compile_options INTERFACE
    -fsanitize=${NOTIFIER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(notifier_compile_options INTERFACE -fsanitize=${NOTIFIER_SANITIZE})
endif()
