// SPDX-License-Identifier: MIT
#include "softgpu/core/proc_maps.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace softgpu {

bool ProcLines::next(std::string_view& line) {
  for (;;) {
    const void* newline = std::memchr(buffer_ + begin_, '\n', end_ - begin_);
    if (newline != nullptr) {
      const std::size_t length =
          static_cast<std::size_t>(static_cast<const char*>(newline) - (buffer_ + begin_));
      line = {buffer_ + begin_, length};
      begin_ += length + 1;
      return true;
    }
    if (begin_ > 0) {
      std::memmove(buffer_, buffer_ + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == sizeof(buffer_)) {
      end_ = 0;  // a path longer than the buffer: what follows is parsed as no mapping
    }
    const ssize_t got =
        descriptor_ < 0 ? 0 : read(descriptor_, buffer_ + end_, sizeof(buffer_) - end_);
    if (got <= 0) {
      return false;
    }
    end_ += static_cast<std::size_t>(got);
  }
}

namespace {

/// "<offset> <major>:<minor> <inode>": offset and device in hex, inode in decimal.
void parse_file(const char* begin, const char* end, Vma& vma) {
  const auto read_field = [&](auto& value, int base) {
    begin = std::from_chars(begin, end, value, base).ptr;
    begin += begin != end ? 1 : 0;
  };
  read_field(vma.file_offset, 16);
  read_field(vma.device_major, 16);
  read_field(vma.device_minor, 16);
  read_field(vma.inode, 10);
}

}  // namespace

bool parse_vma_line(std::string_view line, Vma& vma) {
  // "7f0000000000-7f0000001000 rw-p 00000000 00:00 0   [heap]"
  Vma parsed;
  const char* const end = line.data() + line.size();
  auto [after_begin, begin_error] = std::from_chars(line.data(), end, parsed.begin, 16);
  if (begin_error != std::errc() || after_begin == end || *after_begin != '-') {
    return false;
  }
  auto [after_end, end_error] = std::from_chars(after_begin + 1, end, parsed.end, 16);
  if (end_error != std::errc() || end - after_end < 5 || *after_end != ' ') {
    return false;
  }
  const char* rights = after_end + 1;
  parsed.readable = rights[0] == 'r';
  parsed.writable = rights[1] == 'w';
  parsed.executable = rights[2] == 'x';
  parsed.shared = rights[3] == 's';
  if (end - rights > 5) {
    parse_file(rights + 5, end, parsed);
  }
  const std::size_t path = line.find('/');
  if (path != std::string_view::npos) {
    parsed.path = line.substr(path);
  }
  vma = parsed;
  return true;
}

bool has_vm_flag(std::string_view flags, std::string_view flag) {
  for (std::size_t at = flags.find(flag); at != std::string_view::npos;
       at = flags.find(flag, at + 1)) {
    const std::size_t end = at + flag.size();
    if ((at == 0 || flags[at - 1] == ' ') && (end == flags.size() || flags[end] == ' ')) {
      return true;
    }
  }
  return false;
}

}  // namespace softgpu
