// SPDX-License-Identifier: MIT
// The process's mappings as the kernel tells them, read without allocating: the restore worker and
// the supervisor use this while threads of the program are held.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace softgpu {

struct Vma {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  std::uint64_t file_offset = 0;
  unsigned device_major = 0;  // of the file; inode 0: none
  unsigned device_minor = 0;
  std::uint64_t inode = 0;
  std::string_view path;  // valid during the visit only
};

/// Lines of a /proc file. A line longer than the buffer is cut.
class ProcLines {
 public:
  explicit ProcLines(const char* path) : descriptor_(open(path, O_RDONLY | O_CLOEXEC)) {}
  ~ProcLines() {
    if (descriptor_ >= 0) {
      close(descriptor_);
    }
  }
  ProcLines(const ProcLines&) = delete;
  ProcLines& operator=(const ProcLines&) = delete;

  bool opened() const { return descriptor_ >= 0; }

  /// False at the end. The view is valid until the next call.
  bool next(std::string_view& line);

 private:
  int descriptor_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  char buffer_[16384];
};

/// Parses the line that starts a mapping in maps and smaps; false for any other line.
bool parse_vma_line(std::string_view line, Vma& vma);

/// Calls visit(const Vma&) for each mapping that overlaps [begin, end), in ascending order, cut to
/// nothing: the mapping's own bounds. Returns false when the kernel's list cannot be read.
template <typename Visitor>
bool for_each_vma(std::uintptr_t begin, std::uintptr_t end, Visitor&& visit) {
  ProcLines lines("/proc/self/maps");
  Vma vma;
  for (std::string_view line; lines.next(line);) {
    if (parse_vma_line(line, vma) && vma.begin < end && vma.end > begin) {
      visit(vma);
    }
  }
  return lines.opened();
}

/// Calls visit(const Vma&, std::string_view flags) for every mapping with its VmFlags from smaps.
template <typename Visitor>
bool for_each_vma_with_flags(Visitor&& visit) {
  ProcLines lines("/proc/self/smaps");
  constexpr std::string_view kFlags = "VmFlags:";
  Vma vma;
  for (std::string_view line; lines.next(line);) {
    if (line.starts_with(kFlags)) {
      visit(vma, line.substr(kFlags.size()));
    } else {
      parse_vma_line(line, vma);
      vma.path = {};
    }
  }
  return lines.opened();
}

/// True when the two-letter flag is in a VmFlags list such as " rd wr mr mw me dc ".
bool has_vm_flag(std::string_view flags, std::string_view flag);

}  // namespace softgpu
