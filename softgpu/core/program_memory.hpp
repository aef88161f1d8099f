// SPDX-License-Identifier: MIT
#pragma once

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

/// Copies whole pages of the program's memory; pages that are not there are zeros. Never waits at a
/// userfaultfd. False when the kernel does not let memory be read this way.
inline bool copy_program_memory(std::uintptr_t begin, std::size_t size_bytes,
                                std::uintptr_t destination) {
  constexpr std::size_t kPage = 4096;
  for (std::size_t done = 0; done < size_bytes;) {
    iovec local{reinterpret_cast<void*>(destination + done), size_bytes - done};
    iovec remote{reinterpret_cast<void*>(begin + done), size_bytes - done};
    const ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
      continue;
    }
    if (errno != EFAULT) {
      return false;
    }
    std::memset(reinterpret_cast<void*>(destination + done), 0, kPage);
    done += kPage;
  }
  return true;
}

}  // namespace softgpu
