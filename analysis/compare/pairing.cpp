// SPDX-License-Identifier: MIT
#include "analysis/compare/pairing.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "analysis/compare/environment.hpp"

namespace notifier::analysis {
namespace {

bool share_a_value(const RunSet& a, const RunSet& b, std::string SummaryRow::*member) {
  std::set<std::string> values;
  for (const CaseRun& run : a.runs) values.insert(run.identity.*member);
  return std::any_of(b.runs.begin(), b.runs.end(),
                     [&](const CaseRun& run) { return values.contains(run.identity.*member); });
}

class Pairing {
 public:
  Pairing(const RunSet& old_runs, const RunSet& new_runs, std::span<const std::string> varied,
          bool force) {
    const auto is_varied = [&](std::string_view field) {
      return std::any_of(varied.begin(), varied.end(),
                         [&](const std::string& word) { return covers(word, field); });
    };
    // Force mixes only what nothing could be compared without.
    const auto is_forced = [&](std::string SummaryRow::*member) {
      return force && !share_a_value(old_runs, new_runs, member);
    };
    machine_varies_ = is_varied("machine") || is_forced(&SummaryRow::machine);
    device_varies_ = machine_varies_ || is_varied("device") || is_forced(&SummaryRow::device);
    platform_varies_ = is_forced(&SummaryRow::platform);
  }

  void add(const RunSet& runs, Runs CasePair::*side) {
    for (const CaseRun& run : runs.runs) {
      const SummaryRow& row = run.identity;
      CasePair& pair =
          pairs_[{row.case_name, machine_varies_ ? "" : row.machine,
                  device_varies_ ? "" : row.device, platform_varies_ ? "" : row.platform}];
      pair.machine = row.machine;
      pair.device = row.device;
      pair.platform = row.platform;
      pair.case_name = row.case_name;
      pair.recording = &runs.recordings[run.recording];
      (pair.*side).push_back(&run);
    }
  }

  std::vector<CasePair> take() {
    std::vector<CasePair> result;
    for (auto& [key, pair] : pairs_) {
      if (!pair.old_runs.empty() || !pair.new_runs.empty()) result.push_back(std::move(pair));
    }
    return result;
  }

 private:
  bool machine_varies_ = false;
  bool device_varies_ = false;
  bool platform_varies_ = false;
  std::map<std::array<std::string, 4>, CasePair> pairs_;
};

std::string as_text(const std::string& value) { return value; }
std::string as_text(std::int64_t value) { return std::to_string(value); }
std::string as_text(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "";
}

// The values that a side's runs have, skipped and failed runs aside: those may not know them.
template <typename Value>
std::string values_of(const Runs& runs, Value SummaryRow::*member) {
  std::set<std::string> values;
  for (const CaseRun* run : runs) {
    if (run->identity.status != Status::kOk) continue;
    const std::string text = as_text(run->identity.*member);
    if (!text.empty()) values.insert(text);
  }
  std::string joined;
  for (const std::string& value : values) joined += (joined.empty() ? "" : ", ") + value;
  return joined;
}

// "name 1 -> 2", or empty when both sides agree or one says nothing.
template <typename Value>
std::string difference(const CasePair& pair, const char* name, Value SummaryRow::*member) {
  const std::string before = values_of(pair.old_runs, member);
  const std::string after = values_of(pair.new_runs, member);
  if (before.empty() || after.empty()) return {};
  const bool uniform = before.find(", ") == std::string::npos;
  if (before == after && uniform) return {};
  return std::string(name) + " " + before + " -> " + after;
}

void append(std::string& text, const std::string& more) {
  if (more.empty()) return;
  if (!text.empty()) text += "; ";
  text += more;
}

}  // namespace

std::vector<CasePair> pair_cases(const RunSet& old_runs, const RunSet& new_runs,
                                 const RunSet& boot_noise, std::span<const std::string> varied,
                                 bool force) {
  Pairing pairing(old_runs, new_runs, varied, force);
  pairing.add(boot_noise, &CasePair::boot_noise);
  pairing.add(old_runs, &CasePair::old_runs);
  pairing.add(new_runs, &CasePair::new_runs);
  return pairing.take();
}

std::string find_incomparable(const CasePair& pair) {
  std::string text;
  append(text, difference(pair, "case_version", &SummaryRow::case_version));
  append(text, difference(pair, "size_bytes", &SummaryRow::size_bytes));
  append(text, difference(pair, "perturbed_bytes", &SummaryRow::perturbed_bytes));
  append(text, difference(pair, "waves", &SummaryRow::waves));
  append(text, difference(pair, "lanes_per_wave", &SummaryRow::lanes_per_wave));
  return text;
}

std::string describe_changes(const CasePair& pair) {
  std::string text;
  append(text, difference(pair, "memory_path", &SummaryRow::memory_path));
  append(text, difference(pair, "recovery", &SummaryRow::recovery_observed));
  return text;
}

std::vector<std::string> metrics_of(const CasePair& pair) {
  std::set<std::string> names;
  for (const Runs* side : {&pair.old_runs, &pair.new_runs}) {
    for (const CaseRun* run : *side) {
      for (const MetricValues& metric : run->metrics) names.insert(metric.metric);
    }
  }
  return {names.begin(), names.end()};
}

Runs runs_with_metric(const Runs& runs, const std::string& metric) {
  Runs having;
  for (const CaseRun* run : runs) {
    const MetricValues* values = find_metric_values(*run, metric);
    if (values != nullptr && values->n > 0) having.push_back(run);
  }
  return having;
}

}  // namespace notifier::analysis
