// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace softgpu {

/// Zeroed, prefaulted memory for what waves write while they run. It is MADV_DONTFORK: were it
/// copy-on-write, a fork that the device has nothing to do with would stall waves at their own
/// bookkeeping. Never freed. Fails the process when there is none left.
void* control_memory(std::size_t size_bytes);

template <typename T, typename... Arguments>
T& make_in_control_memory(Arguments&&... arguments) {
  return *new (control_memory(sizeof(T))) T(std::forward<Arguments>(arguments)...);
}

}  // namespace softgpu
