// SPDX-License-Identifier: MIT
#include "harness/hip_check.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace notifier {
namespace {

std::string describe(hipError_t code, const char* call, const std::source_location& where) {
  return fmt::format("{}:{}: {} failed: {} ({})", where.file_name(), where.line(), call,
                     hipGetErrorName(code), hipGetErrorString(code));
}

}  // namespace

HipError::HipError(hipError_t code, const char* call, const std::source_location& where)
    : std::runtime_error(describe(code, call, where)), code_(code) {}

void check_hip(hipError_t code, const char* call, const std::source_location& where) {
  if (code == hipSuccess) return;
  // The sticky error is consumed here, or the next check would report this failure again.
  (void)hipGetLastError();
  throw HipError(code, call, where);
}

void check_hip_no_throw(hipError_t code, const char* call,
                        const std::source_location& where) noexcept {
  if (code == hipSuccess) return;
  (void)hipGetLastError();
  std::fprintf(stderr, "%s:%u: %s failed: %s\n", where.file_name(), where.line(), call,
               hipGetErrorName(code));
}

}  // namespace notifier
