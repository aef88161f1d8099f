// SPDX-License-Identifier: MIT
#include "analysis/files.hpp"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <sstream>
#include <utility>

#include "analysis/csv.hpp"

namespace notifier::analysis {
namespace {

constexpr const char* kSamples = "samples.csv";
constexpr const char* kPackedSamples = "samples.csv.gz";

struct CloseGzip {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

std::string unpack(const std::filesystem::path& file) {
  open_input(file);  // for the system's reason
  const std::unique_ptr<gzFile_s, CloseGzip> packed(gzopen(file.c_str(), "rb"));
  if (packed == nullptr) throw InputError(file.string(), 0, 0, "zlib cannot open it");
  std::string text;
  std::array<char, 1 << 16> part;
  int count = 0;
  while ((count = gzread(packed.get(), part.data(), part.size())) > 0) {
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  int code = Z_OK;
  const char* reason = gzerror(packed.get(), &code);
  // At the end of a file that was cut off gzread() returns what it has and sets Z_BUF_ERROR.
  if (count < 0 || code != Z_OK) throw InputError(file.string(), 0, 0, reason);
  return text;
}

}  // namespace

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

bool has_samples(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / kSamples) ||
         std::filesystem::exists(folder / kPackedSamples);
}

std::unique_ptr<std::istream> open_samples(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / kSamples) ||
      !std::filesystem::exists(folder / kPackedSamples)) {
    return std::make_unique<std::ifstream>(open_input(folder / kSamples));
  }
  return std::make_unique<std::istringstream>(unpack(folder / kPackedSamples));
}

}  // namespace notifier::analysis
