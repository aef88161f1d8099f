// SPDX-License-Identifier: MIT
#include "softgpu/core/report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace softgpu {
namespace {

void write_message(const char* format, va_list arguments) {
  char line[512] = "softgpu: ";
  constexpr int kPrefix = 9;
  constexpr int kRoom = static_cast<int>(sizeof(line)) - kPrefix - 1;
  const int written = std::vsnprintf(line + kPrefix, kRoom, format, arguments);
  const int length = kPrefix + std::clamp(written, 0, kRoom - 1);
  line[length] = '\n';
  [[maybe_unused]] const ssize_t ignored =
      write(STDERR_FILENO, line, static_cast<std::size_t>(length) + 1);
}

}  // namespace

void report(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_message(format, arguments);
  va_end(arguments);
}

void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_message(format, arguments);
  va_end(arguments);
  std::abort();
}

}  // namespace softgpu
