// SPDX-License-Identifier: MIT
#pragma once

#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace softgpu {

/// Reads up to `count` values of the program's memory without trusting its pointer; returns how
/// many.
template <typename T>
std::size_t read_program_memory(std::uintptr_t address, T* values, std::size_t count) {
  iovec local{values, count * sizeof(T)};
  iovec remote{reinterpret_cast<void*>(address), count * sizeof(T)};
  const ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  return got < 0 ? 0 : static_cast<std::size_t>(got) / sizeof(T);
}

}  // namespace softgpu
