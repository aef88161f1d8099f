// SPDX-License-Identifier: MIT
#include "harness/pin/page_frames.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "harness/file_descriptor.hpp"

namespace notifier::pin {

bool read_page_entries(const std::byte* address, std::span<PageEntry> entries) {
  const FileDescriptor file(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return false;
  const auto page = reinterpret_cast<std::uintptr_t>(address) / kPageBytes;
  const ssize_t wanted = static_cast<ssize_t>(entries.size_bytes());
  return pread(file.get(), entries.data(), entries.size_bytes(),
               static_cast<off_t>(page * sizeof(PageEntry))) == wanted;
}

bool frames_visible() {
  alignas(kPageBytes) static std::array<std::byte, kPageBytes> page;
  *const_cast<volatile std::byte*>(page.data()) = std::byte{1};
  PageEntry entry;
  return read_page_entries(page.data(), {&entry, 1}) && entry.frame() != 0;
}

}  // namespace notifier::pin
