// SPDX-License-Identifier: MIT
#include "softgpu/core/allowed_calls.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

#include "softgpu/core/device.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {
namespace {

bool is_listed(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t end = names.find(',');
    if (names.substr(0, end) == name) return true;
    if (end == std::string_view::npos) return false;
    names.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

void check_allowed_call(const char* name) {
  static const char* const allowed = std::getenv("SOFTGPU_ALLOWED_CALLS");
  if (allowed == nullptr || is_listed(allowed, name)) return;
  const std::string operation = device().queues().busy_operation();
  if (!operation.empty()) {
    fail(
        "%s was called while %s runs; on a GPU it may wait for that for ever. Calls that may be "
        "made "
        "then (SOFTGPU_ALLOWED_CALLS): %s",
        name, operation.c_str(), allowed);
  }
}

}  // namespace softgpu
