// SPDX-License-Identifier: MIT
// Turns error codes of HIP and hsakmt into exceptions that say what failed and where.
#pragma once

#include <hip/hip_runtime.h>

#include <source_location>
#include <stdexcept>
#include <string>

namespace notifier {

class HipError : public std::runtime_error {
 public:
  HipError(hipError_t code, const char* call, const std::source_location& where);
  hipError_t code() const { return code_; }

 private:
  hipError_t code_;
};

/// Throws HipError unless `code` is hipSuccess. Use through HIP_CHECK.
void check_hip(hipError_t code, const char* call,
               const std::source_location& where = std::source_location::current());

/// For destructors: reports to stderr instead of throwing.
void check_hip_no_throw(
    hipError_t code, const char* call,
    const std::source_location& where = std::source_location::current()) noexcept;

}  // namespace notifier

#define HIP_CHECK(call) ::notifier::check_hip((call), #call)
#define HIP_CHECK_NO_THROW(call) ::notifier::check_hip_no_throw((call), #call)
