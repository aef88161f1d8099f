// SPDX-License-Identifier: MIT
#include "analysis/compare/notes.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

namespace notifier::analysis {
namespace {

constexpr std::string_view kOrdinary =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
constexpr std::string_view kRegexSpecial = ".^$*+?()[]{}|\\";

std::string quote_for_shell(const std::string& word) {
  if (!word.empty() && word.find_first_not_of(kOrdinary) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char character : word) {
    if (character == '\'') {
      quoted += "'\\''";
    } else {
      quoted += character;
    }
  }
  return quoted + "'";
}

// The suite's bench registers its cases with Google Benchmark, which matches names with a suffix
// such as /manual_time, so '$' alone would match nothing.
constexpr const char* kEndOfOurName = "(/|$)";

std::string pattern_of(const std::string& name, const char* end) {
  std::string pattern = "^";
  for (const char character : name) {
    if (kRegexSpecial.find(character) != std::string_view::npos) pattern += '\\';
    pattern += character;
  }
  return pattern + end;
}

// Options of the recording's own command that change what a case measures.
std::vector<std::string> kept_options(const std::vector<std::string>& command) {
  constexpr std::array<std::string_view, 3> kKept = {"--events", "--size", "--waves"};
  std::vector<std::string> kept;
  for (std::size_t i = 1; i < command.size(); ++i) {
    for (const std::string_view option : kKept) {
      if (command[i].starts_with(std::string(option) + "=")) kept.push_back(command[i]);
      if (command[i] != option) continue;
      kept.push_back(command[i]);
      for (std::size_t j = i + 1; j < command.size() && !command[j].starts_with("--"); ++j) {
        kept.push_back(command[j]);
      }
    }
  }
  return kept;
}

// Start times per boot, to see whether the sides took turns. ISO 8601 sorts as text.
using StartsByBoot = std::map<std::string, std::set<std::string>>;

StartsByBoot starts_by_boot(const RunSet& runs) {
  StartsByBoot starts;
  for (const CaseRun& run : runs.runs) {
    const std::string& started = run.identity.started_utc;
    if (!run.identity.boot_id.empty() && !started.empty()) {
      starts[run.identity.boot_id].insert(started);
    }
  }
  return starts;
}

bool one_after_the_other(const StartsByBoot& before, const StartsByBoot& after) {
  return std::any_of(before.begin(), before.end(), [&](const auto& entry) {
    const auto other = after.find(entry.first);
    if (other == after.end()) return false;
    return *entry.second.rbegin() < *other->second.begin() ||
           *other->second.rbegin() < *entry.second.begin();
  });
}

}  // namespace

std::vector<std::string> describe_data(const RunSet& old_runs, const RunSet& new_runs) {
  std::vector<std::string> notes;
  for (const RunSet* side : {&old_runs, &new_runs}) {
    const std::string name = side == &old_runs ? "old" : "new";
    for (const RecordingInfo& recording : side->recordings) {
      if (recording.interrupted) {
        notes.push_back(name + ": " + recording.source + " was interrupted");
      }
    }
    const bool some_unknown =
        std::any_of(side->recordings.begin(), side->recordings.end(),
                    [](const RecordingInfo& recording) { return recording.environment.empty(); });
    if (some_unknown) {
      notes.push_back(name + ": a recording's environment is unknown (no manifest)");
    }
  }
  if (one_after_the_other(starts_by_boot(old_runs), starts_by_boot(new_runs))) {
    notes.push_back(
        "old and new ran one after the other in one boot: a drift looks like a change; taking "
        "turns avoids that");
  }
  return notes;
}

std::string reproducing_command(const CasePair& pair) {
  const Runs& runs = pair.new_runs.empty() ? pair.old_runs : pair.new_runs;
  const std::vector<std::string>& command = pair.recording->command;
  const std::string wanted = std::to_string(std::max<std::size_t>(10, runs.size()));
  if (pair.platform == "google_benchmark") {
    const std::string pattern = quote_for_shell(pattern_of(pair.case_name, "$"));
    const std::string program = command.empty() ? "BENCHMARK" : quote_for_shell(command.front());
    return program + " --benchmark_filter=" + pattern + " --benchmark_repetitions=" + wanted;
  }
  const std::string pattern = quote_for_shell(pattern_of(pair.case_name, kEndOfOurName));
  std::string text = command.empty() ? "notifier_bench" : quote_for_shell(command.front());
  if (command.empty() && pair.platform == "software") text += "_softgpu";
  text += " --filter " + pattern + " --runs " + wanted;
  for (const std::string& option : kept_options(command)) text += " " + quote_for_shell(option);
  if (pair.recording->seed) text += " --seed " + std::to_string(*pair.recording->seed);
  return text;
}

}  // namespace notifier::analysis
