// SPDX-License-Identifier: MIT
#include "system_view.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "file_descriptor.hpp"

namespace notifier {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool numerically_less(const std::string& first, const std::string& second) {
  const auto first_number = parse_integer(first);
  const auto second_number = parse_integer(second);
  if (first_number && second_number) return *first_number < *second_number;
  return first < second;
}

}  // namespace

SystemView::SystemView(const std::filesystem::path& root)
    : root_(root == "/" ? std::filesystem::path() : root) {}

std::filesystem::path SystemView::locate(const std::string& path) const {
  if (root_.empty()) return path;
  return root_ / std::filesystem::path(path).relative_path();
}

SystemView::Text SystemView::read_exactly(const std::string& path) const {
  // No size is known beforehand: files under /proc and /sys report 0 or a page.
  const FileDescriptor file(::open(locate(path).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {.text = {}, .reason = std::generic_category().message(errno)};
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {.text = {}, .reason = std::generic_category().message(errno)};
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return {.text = std::move(text), .reason = {}};
}

SystemView::Text SystemView::read(const std::string& path) const {
  Text result = read_exactly(path);
  if (result.text) {
    const std::size_t last = result.text->find_last_not_of(kBlank);
    result.text->resize(last == std::string::npos ? 0 : last + 1);
  }
  return result;
}

bool SystemView::exists(const std::string& path) const {
  std::error_code error;
  return std::filesystem::exists(locate(path), error);
}

std::vector<std::string> SystemView::list(const std::string& path) const {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(locate(path), error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end(), numerically_less);
  return names;
}

std::string SystemView::link_name(const std::string& path) const {
  std::error_code error;
  return std::filesystem::read_symlink(locate(path), error).filename().string();
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = text.find_first_of(kBlank);
    words.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return words;
    text.remove_prefix(end);
  }
}

std::optional<long long> parse_integer(std::string_view text) {
  long long value = 0;
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || next != end || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::string> value_of_key(std::string_view text, std::string_view key,
                                        char separator) {
  for (const std::string& line : split_lines(text)) {
    const std::size_t end = line.find(separator);
    if (end == std::string::npos) continue;
    if (trimmed(std::string_view(line).substr(0, end)) != key) continue;
    return std::string(trimmed(std::string_view(line).substr(end + 1)));
  }
  return std::nullopt;
}

}  // namespace notifier
