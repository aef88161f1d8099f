// SPDX-License-Identifier: MIT
#include "bench/plain_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "harness/huge_pages.hpp"

namespace notifier {

PlainMemory::PlainMemory(std::size_t size_bytes) : size_bytes_(size_bytes) {
  void* memory =
      mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  begin_ = static_cast<std::byte*>(memory);
  keep_base_pages(begin_, size_bytes);
  std::fill_n(begin_, size_bytes, std::byte{1});
}

PlainMemory::~PlainMemory() {
  if (begin_ != nullptr) munmap(begin_, size_bytes_);
}

}  // namespace notifier
