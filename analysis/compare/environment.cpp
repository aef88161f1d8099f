// SPDX-License-Identifier: MIT
#include "analysis/compare/environment.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace notifier::analysis {
namespace {

// Different in any two recordings, without meaning.
constexpr std::array<std::string_view, 4> kIgnored = {"kernel.boot_id", "process.variables.PWD*",
                                                      "gpus.*.gpu_id", "gpus.*.node_id"};

// Worth a line, but no reason to refuse: they follow from the kernel, or the suite keeps its own
// account of them (case_version).
constexpr std::array<std::string_view, 4> kOnlyReported = {"kernel.tainted", "memory.total_bytes",
                                                           "build.commit", "build.compiler"};

// Cases are paired by these, so sides that share a value can be compared as far as they do; what
// only one side has becomes a row that says so.
constexpr std::array<std::string_view, 3> kPairing = {"platform", "machine", "device"};

bool share_a_value(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](const std::string& value) { return b.contains(value); });
}

struct FieldSet {
  std::string_view word;
  std::array<std::string_view, 6> patterns;
};

// Words for --vary that stand for what changes together.
constexpr std::array kSets = {
    FieldSet{"kernel",
             {"kernel.*", "kernel_release", "amdgpu.*version", "memory.total_bytes",
              "amdgpu.parameters.*", "memory_policy.thp_sizes*"}},
    FieldSet{"driver", {"amdgpu.*"}},
    FieldSet{"rocm", {"amdgpu.rocm_version", "amdgpu.kfd_version"}},
    FieldSet{
        "firmware",
        {"gpus.*.device.firmware*", "gpus.*.device.vbios", "machine.firmware", "cpu.microcode"}},
    FieldSet{"machine", {"machine*", "device", "cpu.*", "memory.*", "gpus.*", "iommu.*"}},
    FieldSet{"suite", {"build.*"}},
};

bool matches(std::string_view pattern, std::string_view field) {
  return !pattern.empty() &&
         fnmatch(std::string(pattern).c_str(), std::string(field).c_str(), 0) == 0;
}

template <typename Patterns>
bool matches_any(const Patterns& patterns, std::string_view field) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](std::string_view pattern) { return matches(pattern, field); });
}

struct FieldValues {
  std::set<std::string> values;
  bool complete = true;  // every recording has a value
};
using Fields = std::map<std::string, FieldValues>;

void add(Fields& fields, const std::string& name, const std::string& value) {
  if (!value.empty()) fields[name].values.insert(value);
}

// What rows say themselves, then what the manifests say.
Fields collect(const RunSet& runs) {
  Fields fields;
  for (const CaseRun& run : runs.runs) {
    add(fields, "platform", run.identity.platform);
    add(fields, "machine", run.identity.machine);
    add(fields, "device", run.identity.device);
    add(fields, "kernel_release", run.identity.kernel_release);
  }
  for (const RecordingInfo& recording : runs.recordings) {
    for (const auto& [name, value] : recording.environment) {
      const bool empty_variable = value.empty() && name.starts_with("process.variables.");
      add(fields, name, empty_variable ? "(empty)" : value);
    }
  }
  for (auto& entry : fields) {
    const std::string& name = entry.first;
    FieldValues& field = entry.second;
    if (name.find('.') == std::string::npos) continue;
    field.complete = std::all_of(
        runs.recordings.begin(), runs.recordings.end(),
        [&](const RecordingInfo& recording) { return recording.environment.contains(name); });
  }
  return fields;
}

// A variable that a manifest does not list was not set, which is a value.
void add_unset_variables(const RunSet& runs, const std::set<std::string>& names, Fields& fields) {
  for (const std::string& name : names) {
    if (!name.starts_with("process.variables.")) continue;
    FieldValues& field = fields[name];
    field.complete = true;
    for (const RecordingInfo& recording : runs.recordings) {
      const auto process = recording.environment.lower_bound("process.");
      const bool is_known =
          process != recording.environment.end() && process->first.starts_with("process.");
      if (!is_known) field.complete = false;
      if (is_known && !recording.environment.contains(name)) field.values.insert("(unset)");
    }
  }
}

DifferenceKind classify(const EnvironmentDifference& difference, bool complete,
                        std::span<const std::string> varied) {
  if (matches_any(kPairing, difference.field) &&
      share_a_value(difference.old_values, difference.new_values)) {
    return DifferenceKind::kReported;
  }
  // Times of a software GPU say nothing about AMD hardware: only --force mixes them.
  if (difference.field == "platform") return DifferenceKind::kMatters;
  const bool declared = std::any_of(varied.begin(), varied.end(), [&](const std::string& word) {
    return covers(word, difference.field);
  });
  if (declared) return DifferenceKind::kDeclared;
  if (!complete) return DifferenceKind::kUnknown;
  if (matches_any(kOnlyReported, difference.field)) return DifferenceKind::kReported;
  return DifferenceKind::kMatters;
}

int order_of(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kMatters:
      return 0;
    case DifferenceKind::kDeclared:
      return 1;
    case DifferenceKind::kReported:
      return 2;
    case DifferenceKind::kUnknown:
      return 3;
  }
  return 4;
}

}  // namespace

bool covers(std::string_view word, std::string_view field) {
  const auto* set = std::find_if(kSets.begin(), kSets.end(),
                                 [&](const FieldSet& candidate) { return candidate.word == word; });
  if (set != kSets.end() && matches_any(set->patterns, field)) return true;
  return matches(word, field) || matches(std::string(word) + ".*", field);
}

std::vector<EnvironmentDifference> compare_environments(const RunSet& old_runs,
                                                        const RunSet& new_runs,
                                                        std::span<const std::string> varied) {
  Fields old_fields = collect(old_runs);
  Fields new_fields = collect(new_runs);
  std::set<std::string> names;
  for (const Fields* fields : {&old_fields, &new_fields}) {
    for (const auto& [name, field] : *fields) names.insert(name);
  }
  add_unset_variables(old_runs, names, old_fields);
  add_unset_variables(new_runs, names, new_fields);
  std::vector<EnvironmentDifference> differences;
  for (const std::string& name : names) {
    const FieldValues& before = old_fields[name];
    const FieldValues& after = new_fields[name];
    const bool complete =
        before.complete && after.complete && !before.values.empty() && !after.values.empty();
    const bool uniform = before.values.size() == 1 && before.values == after.values;
    const bool paired = matches_any(kPairing, name) && before.values == after.values;
    if ((uniform && complete) || paired || matches_any(kIgnored, name)) continue;
    EnvironmentDifference difference{name, before.values, after.values};
    difference.kind = classify(difference, complete, varied);
    differences.push_back(difference);
  }
  std::sort(differences.begin(), differences.end(),
            [](const EnvironmentDifference& a, const EnvironmentDifference& b) {
              return std::make_tuple(order_of(a.kind), a.field) <
                     std::make_tuple(order_of(b.kind), b.field);
            });
  return differences;
}

}  // namespace notifier::analysis
