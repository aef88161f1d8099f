// SPDX-License-Identifier: MIT
#include "bench/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace notifier {
namespace {

/// An option with its values, as they stood in a command.
using Group = std::vector<std::string>;

std::string name_of(const Group& group) { return group.front().substr(0, group.front().find('=')); }

/// "--a", "x", "--b=y" are two groups.
std::vector<Group> groups_of(const std::vector<std::string>& arguments) {
  std::vector<Group> groups;
  for (const std::string& argument : arguments) {
    // A value may begin with one dash: a filter that leaves out.
    if (groups.empty() || argument.starts_with("--")) groups.emplace_back();
    groups.back().push_back(argument);
  }
  return groups;
}

}  // namespace

std::vector<std::string> replayed_arguments(const std::filesystem::path& folder,
                                            const std::vector<std::string>& given) {
  std::ifstream in(folder / "manifest.json");
  const nlohmann::json manifest = nlohmann::json::parse(in, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("command") || !manifest.contains("seed")) {
    throw std::runtime_error(
        fmt::format("--replay: {} is no recording of this program: its manifest.json has to name "
                    "command and seed",
                    folder.string()));
  }
  const std::vector<Group> own = groups_of(given);
  const auto command = manifest.at("command").get<std::vector<std::string>>();
  std::vector<std::string> arguments;
  for (const Group& group : groups_of({command.begin() + 1, command.end()})) {
    const std::string name = name_of(group);
    const bool replaced =
        std::any_of(own.begin(), own.end(), [&](const Group& one) { return name_of(one) == name; });
    // Where the results went is not part of what was measured.
    if (replaced || name == "--seed" || name == "--results" || name == "--replay") continue;
    arguments.insert(arguments.end(), group.begin(), group.end());
  }
  for (const Group& group : own) {
    if (name_of(group) == "--replay") continue;
    arguments.insert(arguments.end(), group.begin(), group.end());
  }
  arguments.push_back("--seed");
  arguments.push_back(manifest.at("seed").dump());
  return arguments;
}

}  // namespace notifier
