// SPDX-License-Identifier: MIT
#include "analysis/site/comparisons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <map>
#include <optional>

#include "analysis/change_points/attribution.hpp"
#include "analysis/compare/compared_events.hpp"
#include "analysis/compare/comparison.hpp"
#include "analysis/compare/read_input.hpp"
#include "analysis/site/encode.hpp"

namespace notifier::site {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestFleet = 5;  // machines of a platform that are compared pair by pair
// The page shows tendencies; notifier_compare takes 2000.
constexpr std::size_t kResamples = 500;

using Folders = std::vector<std::filesystem::path>;

Folders folders(const Timeline& timeline, std::size_t begin, std::size_t end) {
  Folders list;
  for (std::size_t i = begin; i < end; ++i) list.push_back(timeline.recordings[i]->folder);
  return list;
}

std::string label(const Timeline& timeline) {
  return fmt::format("{} · {}", timeline.machine, timeline.platform);
}

std::string night(const Timeline& timeline, std::size_t position) {
  return timeline.recordings[position]->started_utc.substr(0, 10);
}

struct KernelChange {
  const FieldHistory* field;
  std::uint32_t position;
  std::string from;
  std::string to;
};

std::optional<KernelChange> last_kernel_change(const Timeline& timeline) {
  std::optional<KernelChange> last;
  for (const FieldHistory& field : timeline.environment) {
    if (field.unsteady || analysis::field_class(field.field) != "kernel") continue;
    for (std::size_t i = 1; i < field.values.size(); ++i) {
      if (last && field.values[i].first <= last->position) continue;
      last = {&field, field.values[i].first, field.values[i - 1].second, field.values[i].second};
    }
  }
  return last;
}

const std::string& value_at(const FieldHistory& field, std::size_t position) {
  std::size_t found = 0;
  while (found + 1 < field.values.size() && field.values[found + 1].first <= position) ++found;
  return field.values[found].second;
}

/// The nights nearest to the change on which the field had this value. A machine that boots kernels
/// in turn has others between them.
Folders nights_with(const Timeline& timeline, const KernelChange& change,
                    const std::string& value) {
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < timeline.recordings.size(); ++i) {
    if (value_at(*change.field, i) == value) positions.push_back(i);
  }
  const auto distance = [&](std::size_t position) {
    return position < change.position ? change.position - position - 1 : position - change.position;
  };
  std::stable_sort(positions.begin(), positions.end(),
                   [&](std::size_t a, std::size_t b) { return distance(a) < distance(b); });
  positions.resize(std::min(positions.size(), kNightsAWeek));
  std::sort(positions.begin(), positions.end());
  Folders list;
  for (const std::size_t position : positions) {
    list.push_back(timeline.recordings[position]->folder);
  }
  return list;
}

/// On a machine that boots kernels in turn (scripts/kernels) no night is the last of a kernel: each
/// release is compared with the oldest.
void add_pairs_of_kernels_in_turn(const Timeline& timeline, std::size_t index,
                                  std::vector<ComparisonPair>& pairs) {
  const auto field = std::find_if(
      timeline.environment.begin(), timeline.environment.end(),
      [](const FieldHistory& one) { return one.unsteady && one.field == "kernel.release"; });
  if (field == timeline.environment.end()) return;
  const auto is_older = [](const std::string& a, const std::string& b) {
    return strverscmp(a.c_str(), b.c_str()) < 0;
  };
  std::map<std::string, Folders, decltype(is_older)> by_release(is_older);
  for (std::size_t i = timeline.recordings.size(); i-- > 0;) {
    Folders& newest = by_release[value_at(*field, i)];
    if (newest.size() < kNightsAWeek) newest.push_back(timeline.recordings[i]->folder);
  }
  by_release.erase("");
  for (const auto& [release, list] : by_release) {
    const auto& [oldest, oldest_folders] = *by_release.begin();
    if (release == oldest) continue;
    pairs.push_back({"kernel",
                     fmt::format("{}: kernel {} against {}", label(timeline), release, oldest),
                     index, oldest_folders, list});
  }
}

void add_pairs_of(const Model& model, std::size_t index, std::vector<ComparisonPair>& pairs) {
  const Timeline& timeline = model.timelines[index];
  const std::size_t nights = timeline.recordings.size();
  if (nights < 2) return;
  pairs.push_back({"night",
                   fmt::format("{}: night of {} against {}", label(timeline),
                               night(timeline, nights - 1), night(timeline, nights - 2)),
                   index, folders(timeline, nights - 2, nights - 1),
                   folders(timeline, nights - 1, nights)});
  if (nights >= 2 * kNightsAWeek) {
    const std::size_t middle = nights - kNightsAWeek;
    pairs.push_back({"week", fmt::format("{}: last 7 nights against the 7 before", label(timeline)),
                     index, folders(timeline, middle - kNightsAWeek, middle),
                     folders(timeline, middle, nights)});
  }
  if (const auto change = last_kernel_change(timeline)) {
    pairs.push_back({"kernel",
                     fmt::format("{}: kernel {} against {}", label(timeline), change->to,
                                 change->from.empty() ? "(none)" : change->from),
                     index, nights_with(timeline, *change, change->from),
                     nights_with(timeline, *change, change->to)});
  }
  add_pairs_of_kernels_in_turn(timeline, index, pairs);
}

void add_machine_pairs(const Model& model, std::vector<ComparisonPair>& pairs) {
  const auto& timelines = model.timelines;
  for (std::size_t a = 0; a < timelines.size(); ++a) {
    const auto fleet = std::count_if(
        timelines.begin(), timelines.end(),
        [&](const Timeline& timeline) { return timeline.platform == timelines[a].platform; });
    if (static_cast<std::size_t>(fleet) > kLargestFleet) continue;
    for (std::size_t b = a + 1; b < timelines.size(); ++b) {
      if (timelines[b].platform != timelines[a].platform) continue;
      const std::size_t nights_a = timelines[a].recordings.size();
      const std::size_t nights_b = timelines[b].recordings.size();
      pairs.push_back(
          {"machine",
           fmt::format("{} against {}, last 7 nights ({})", timelines[b].machine,
                       timelines[a].machine, timelines[a].platform),
           b, folders(timelines[a], nights_a - std::min(nights_a, kNightsAWeek), nights_a),
           folders(timelines[b], nights_b - std::min(nights_b, kNightsAWeek), nights_b)});
    }
  }
}

analysis::RunSet read(const Folders& list) {
  std::vector<std::string> inputs;
  for (const auto& folder : list) inputs.push_back(folder.string());
  return analysis::read_inputs(inputs, analysis::kComparedEvents);
}

std::string joined(const std::set<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    if (!text.empty()) text += ", ";
    text += value;
  }
  return text.substr(0, 200);
}

std::string_view kind_word(analysis::DifferenceKind kind) {
  switch (kind) {
    case analysis::DifferenceKind::kDeclared:
      return "matters";
    case analysis::DifferenceKind::kReported:
      return "reported";
    case analysis::DifferenceKind::kMatters:
      return "matters";
    case analysis::DifferenceKind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

json row_document(const analysis::Row& row) {
  json effect;
  json low;
  json high;
  json old_figure;
  json new_figure;
  if (row.judgement) {
    const analysis::Judgement& judgement = *row.judgement;
    old_figure = number_or_null(judgement.old_figure);
    new_figure = number_or_null(judgement.new_figure);
    if (judgement.scale == analysis::Scale::kRatio) {
      effect = number_or_null(judgement.effect);
      if (judgement.interval) {
        low = number_or_null(judgement.interval->low);
        high = number_or_null(judgement.interval->high);
      }
    }
  }
  return {row.machine,
          row.device,
          row.case_name,
          row.metric,
          row.statistic,
          row.unit,
          analysis::to_word(row.verdict, row.unit),
          effect,
          low,
          high,
          row.p ? json(*row.p) : json(nullptr),
          row.q ? json(*row.q) : json(nullptr),
          row.old_runs,
          row.new_runs,
          row.reason,
          old_figure,
          new_figure};
}

}  // namespace

std::vector<ComparisonPair> choose_pairs(const Model& model) {
  std::vector<ComparisonPair> pairs;
  for (std::size_t i = 0; i < model.timelines.size() && pairs.size() < kMostComparisons; ++i) {
    add_pairs_of(model, i, pairs);
  }
  add_machine_pairs(model, pairs);
  if (pairs.size() > kMostComparisons) pairs.resize(kMostComparisons);
  return pairs;
}

json comparison_document(const ComparisonPair& pair) {
  json document = {{"events", analysis::kWhyComparedEvents},
                   {"environment", json::array()},
                   {"notes", json::array()},
                   {"rows", json::array()}};
  try {
    const analysis::RunSet old_runs = read(pair.old_folders);
    const analysis::RunSet new_runs = read(pair.new_folders);
    analysis::CompareOptions options;
    options.resamples = kResamples;
    if (pair.kind == "machine") options.varied = {"machine", "device"};
    // A night is what it is: what differs is shown, and does not refuse the comparison.
    for (const auto& difference :
         analysis::compare_environments(old_runs, new_runs, options.varied)) {
      if (difference.kind == analysis::DifferenceKind::kMatters) {
        options.varied.push_back(difference.field);
      }
    }
    const analysis::Comparison comparison = analysis::compare(old_runs, new_runs, {}, options);
    for (const analysis::EnvironmentDifference& difference : comparison.environment) {
      document["environment"].push_back({difference.field, kind_word(difference.kind),
                                         joined(difference.old_values),
                                         joined(difference.new_values)});
    }
    for (const std::string& note : comparison.notes) document["notes"].push_back(note);
    for (const analysis::Row& row : comparison.rows) {
      if (row.headline || row.metric.empty() || row.verdict != analysis::Verdict::kUndecided) {
        document["rows"].push_back(row_document(row));
      }
    }
  } catch (const std::exception& error) {
    document["notes"].push_back(std::string("cannot be compared: ") + error.what());
  }
  return document;
}

}  // namespace notifier::site
