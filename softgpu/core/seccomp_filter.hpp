// SPDX-License-Identifier: MIT
// The system-call filter that reports the hooks' calls to the supervisor.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "softgpu/core/hooks.hpp"

namespace softgpu {

/// Code whose calls are not reported: a sanitizer's runtime maps memory of its own while it holds
/// locks that the supervisor's code needs too.
struct CodeRange {
  std::uintptr_t begin;
  std::uintptr_t end;
};

std::vector<CodeRange> sanitizer_code();

std::vector<sock_filter> build_filter(std::span<const Hook> hooks,
                                      std::span<const CodeRange> exempt);

/// Filters the calling thread and all threads and processes that it starts from now on. Returns the
/// listener's descriptor, or -errno.
int install_filter(std::span<const sock_filter> filter);

/// What an error of install_filter means for the person at the terminal.
std::string explain_filter_error(int error);

}  // namespace softgpu
