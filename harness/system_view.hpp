// SPDX-License-Identifier: MIT
// The files under /proc, /sys, /boot and /etc, or a copy of them: tests put another root in place.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace notifier {

class SystemView {
 public:
  /// `root` empty or "/" means this machine.
  explicit SystemView(const std::filesystem::path& root = {});

  struct Text {
    std::optional<std::string> text;  // without white space at its end
    std::string reason;               // why there is none
  };

  /// `path` is absolute, as on the machine that is described.
  Text read(const std::string& path) const;
  /// As read, with every byte.
  Text read_exactly(const std::string& path) const;
  bool exists(const std::string& path) const;
  /// Names in a folder, numbers in numerical order; empty if there is none.
  std::vector<std::string> list(const std::string& path) const;
  /// The last component of a symbolic link's target, or empty.
  std::string link_name(const std::string& path) const;
  /// Where `path` really lies.
  std::filesystem::path locate(const std::string& path) const;

  /// Whether this is the machine we run on, so that system calls and ioctls describe it too.
  bool live() const { return root_.empty(); }

 private:
  std::filesystem::path root_;
};

/// Lines of a text, without their ends.
std::vector<std::string> split_lines(std::string_view text);
/// Words between blanks, tabs and line ends.
std::vector<std::string> split_words(std::string_view text);
/// A decimal number that is all of `text`.
std::optional<long long> parse_integer(std::string_view text);
/// Value of the line "key<separator> value", as in /proc/meminfo or /proc/self/status.
std::optional<std::string> value_of_key(std::string_view text, std::string_view key,
                                        char separator = ':');

}  // namespace notifier
