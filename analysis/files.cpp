// SPDX-License-Identifier: MIT
#include "analysis/files.hpp"

#include <cerrno>
#include <cstring>
#include <iterator>

#include "analysis/csv.hpp"

namespace notifier::analysis {

std::ifstream open_input(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    throw InputError(file.string(), 0, 0, "is a folder");
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const char* reason = errno != 0 ? std::strerror(errno) : "cannot be opened";
    throw InputError(file.string(), 0, 0, reason);
  }
  return in;
}

std::string read_text_file(const std::filesystem::path& file) {
  std::ifstream in = open_input(file);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) throw InputError(file.string(), 0, 0, "cannot be read");
  return text;
}

}  // namespace notifier::analysis
