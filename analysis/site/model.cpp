// SPDX-License-Identifier: MIT
#include "analysis/site/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "analysis/compare/parallel.hpp"
#include "analysis/random.hpp"

namespace notifier::site {
namespace {

constexpr float kUndefined = std::numeric_limits<float>::quiet_NaN();
constexpr std::uint32_t kUnseen = std::numeric_limits<std::uint32_t>::max();
// A field that changes more often than on one night in five (and more than a few times) is a
// reading, such as a temperature, not a setting.
constexpr std::size_t kSteadyShare = 5;
constexpr std::size_t kFewChanges = 5;

struct Placed {
  std::uint32_t position;
  RunPoint point;
};

float median_of(std::vector<float>& values) {
  std::erase_if(values, [](float value) { return std::isnan(value); });
  if (values.empty()) return kUndefined;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

template <typename Member>
float median_of(std::span<const Placed> runs, Member member) {
  if (runs.size() == 1) return runs.front().point.*member;
  std::vector<float> values;
  for (const Placed& run : runs) values.push_back(run.point.*member);
  return median_of(values);
}

Night make_night(std::span<const Placed> runs) {
  Night night;
  night.position = runs.front().position;
  night.p10 = median_of(runs, &RunPoint::p10);
  night.p50 = median_of(runs, &RunPoint::p50);
  night.p90 = median_of(runs, &RunPoint::p90);
  night.p99 = median_of(runs, &RunPoint::p99);
  night.p50_all = median_of(runs, &RunPoint::p50_all);
  night.max = kUndefined;
  for (const Placed& run : runs) {
    if (!std::isnan(run.point.p50)) ++night.runs;
    night.max = std::isnan(night.max) ? run.point.max : std::fmax(night.max, run.point.max);
  }
  return night;
}

std::vector<std::optional<double>> night_values(const Series& series) {
  std::vector<std::optional<double>> values;
  for (const Night& night : series.nights) {
    if (std::isnan(night.p50)) {
      values.emplace_back();
    } else {
      values.emplace_back(night.p50);
    }
  }
  return values;
}

// Nothing but chance distinguishes even runs from odd ones.
std::vector<std::optional<double>> halves_ratio(const Series& series) {
  std::vector<std::optional<double>> ratios;
  for (std::size_t begin = 0; begin < series.runs.size();) {
    std::vector<float> even;
    std::vector<float> odd;
    std::size_t end = begin;
    for (; end < series.runs.size() && series.runs[end].position == series.runs[begin].position;
         ++end) {
      (series.runs[end].run % 2 == 0 ? even : odd).push_back(series.runs[end].p50);
    }
    const float a = median_of(even);
    const float b = median_of(odd);
    if (a > 0 && b > 0) ratios.emplace_back(static_cast<double>(a) / static_cast<double>(b));
    begin = end;
  }
  return ratios;
}

class Builder {
 public:
  explicit Builder(const AllRecordings& all) : all_(all) {}

  Model build() {
    for (const RecordingData& recording : all_.recordings) add(recording);
    finish_series();
    choose_headlines();
    for (Timeline& timeline : model_.timelines) read_environment(timeline);
    list_devices();
    detect();
    group();
    return std::move(model_);
  }

 private:
  void add(const RecordingData& recording) {
    if (!recording.problem.empty()) {
      model_.unreadable.push_back(&recording);
      return;
    }
    if (recording.synthetic) model_.synthetic = true;
    if (model_.timelines.empty() || model_.timelines.back().machine != recording.machine ||
        model_.timelines.back().platform != recording.platform) {
      model_.timelines.push_back({recording.machine, recording.platform, {}, {}, {}});
      case_of_.assign(all_.tables.size(), {});
      series_of_.assign(all_.tables.size(), {});
    }
    Timeline& timeline = model_.timelines.back();
    const auto position = static_cast<std::uint32_t>(timeline.recordings.size());
    timeline.recordings.push_back(&recording);
    for (const RunOutcome& outcome : recording.outcomes) add(recording, position, outcome);
    for (const RunPoint& point : recording.points) {
      const std::size_t series = series_index(recording.table, point.series);
      placed_[series].push_back({position, point});
    }
  }

  std::size_t case_index(std::size_t table, std::uint32_t local) {
    std::vector<std::uint32_t>& known = case_of_[table];
    if (known.size() <= local) known.resize(all_.tables[table].cases.size(), kUnseen);
    if (known[local] != kUnseen) return known[local];
    // another thread's table may have met the same case on this timeline
    const CaseKey& key = all_.tables[table].cases[local];
    const std::size_t timeline = model_.timelines.size() - 1;
    const std::string name =
        fmt::format("{}\x1f{}\x1f{}\x1f{}", timeline, key.device, key.case_name, key.case_version);
    const auto [found, fresh] =
        cases_.try_emplace(name, static_cast<std::uint32_t>(model_.cases.size()));
    if (fresh) model_.cases.push_back({timeline, key, {}, {}, std::nullopt});
    return known[local] = found->second;
  }

  std::size_t series_index(std::size_t table, std::uint32_t local) {
    std::vector<std::uint32_t>& known = series_of_[table];
    if (known.size() <= local) known.resize(all_.tables[table].series.size(), kUnseen);
    if (known[local] != kUnseen) return known[local];
    const SeriesKey& key = all_.tables[table].series[local];
    const std::size_t of_case = case_index(table, key.case_key);
    const std::string name = fmt::format("{}\x1f{}", of_case, key.metric);
    const auto [found, fresh] =
        series_.try_emplace(name, static_cast<std::uint32_t>(model_.series.size()));
    if (fresh) {
      model_.cases[of_case].series.push_back(model_.series.size());
      model_.series.push_back(make_series(of_case, key));
      placed_.emplace_back();
    }
    return known[local] = found->second;
  }

  Series make_series(std::size_t of_case, const SeriesKey& key) const {
    const CaseHistory& history = model_.cases[of_case];
    const Timeline& timeline = model_.timelines[history.timeline];
    Series series;
    series.case_index = of_case;
    series.key = key;
    series.id = fmt::format(
        "{:016x}",
        analysis::hash_text(fmt::format(
            "{}\x1f{}\x1f{}\x1f{}\x1f{}\x1f{}", timeline.machine, timeline.platform,
            history.key.device, history.key.case_name, history.key.case_version, key.metric)));
    return series;
  }

  void add(const RecordingData& recording, std::uint32_t position, const RunOutcome& outcome) {
    CaseHistory& history = model_.cases[case_index(recording.table, outcome.case_key)];
    if (history.nights.empty() || history.nights.back().position != position) {
      history.nights.push_back({position, 0, 0, 0, 0, {}});
    }
    CaseNight& night = history.nights.back();
    if (outcome.status == analysis::Status::kOk) ++night.ok;
    if (outcome.status == analysis::Status::kFailed) ++night.failed;
    if (outcome.status == analysis::Status::kSkipped) ++night.skipped;
    night.violations += outcome.violations;
    if (outcome.status != analysis::Status::kOk && night.reason.empty()) {
      night.reason = all_.tables[recording.table].reasons[outcome.reason];
    }
  }

  void finish_series() {
    analysis::run_in_parallel(model_.series.size(), [&](std::size_t i) {
      Series& series = model_.series[i];
      std::vector<Placed>& points = placed_[i];
      std::stable_sort(points.begin(), points.end(), [](const Placed& a, const Placed& b) {
        return std::pair(a.position, a.point.run) < std::pair(b.position, b.point.run);
      });
      bool several = false;
      for (std::size_t begin = 0; begin < points.size();) {
        std::size_t end = begin + 1;
        while (end < points.size() && points[end].position == points[begin].position) ++end;
        several = several || end - begin > 1;
        series.nights.push_back(make_night(std::span(points).subspan(begin, end - begin)));
        if (points[begin].point.headline) ++series.headline_nights;
        begin = end;
      }
      if (several) {
        for (const Placed& placed : points) {
          series.runs.push_back({placed.position, placed.point.run, placed.point.p50});
        }
      }
      points = {};
    });
  }

  void choose_headlines() {
    for (CaseHistory& history : model_.cases) {
      for (const std::size_t series : history.series) {
        const std::uint32_t nights = model_.series[series].headline_nights;
        if (nights == 0) continue;
        if (!history.headline || nights > model_.series[*history.headline].headline_nights) {
          history.headline = series;
        }
      }
    }
  }

  static void read_environment(Timeline& timeline) {
    std::map<std::string, FieldHistory> fields;
    for (std::uint32_t position = 0; position < timeline.recordings.size(); ++position) {
      const auto& environment = timeline.recordings[position]->environment;
      for (const auto& [name, value] : environment) {
        FieldHistory& field = fields[name];
        if (field.values.empty() && position > 0) field.values.emplace_back(0, "");
        if (field.values.empty() || field.values.back().second != value) {
          field.values.emplace_back(position, value);
        }
      }
      for (auto& [name, field] : fields) {
        if (!field.values.back().second.empty() && !environment.contains(name)) {
          field.values.emplace_back(position, "");
        }
      }
    }
    for (auto& [name, field] : fields) {
      field.field = name;
      const std::size_t changes = field.values.size() - 1;
      field.unsteady = changes > std::max(kFewChanges, timeline.recordings.size() / kSteadyShare);
      timeline.environment.push_back(std::move(field));
    }
  }

  void list_devices() {
    std::vector<std::set<std::string>> devices(model_.timelines.size());
    for (const CaseHistory& history : model_.cases) {
      devices[history.timeline].insert(history.key.device);
    }
    for (std::size_t i = 0; i < devices.size(); ++i) {
      model_.timelines[i].devices.assign(devices[i].begin(), devices[i].end());
    }
  }

  void detect() {
    std::vector<FalseAlarms> alarms(model_.series.size());
    analysis::run_in_parallel(model_.series.size(), [&](std::size_t i) {
      Series& series = model_.series[i];
      if (series.key.better == analysis::Better::kNone) return;
      series.detection = analysis::detect(night_values(series));
      for (analysis::Step& step : series.detection.steps) {
        step.index = series.nights[step.index].position;
      }
      for (std::size_t& spike : series.detection.spikes) spike = series.nights[spike].position;
      if (series.runs.empty() || model_.cases[series.case_index].headline != i) return;
      const auto ratios = halves_ratio(series);
      alarms[i] = {1, ratios.size(), analysis::detect(ratios).steps.size()};
    });
    for (const FalseAlarms& alarm : alarms) {
      model_.false_alarms.series += alarm.series;
      model_.false_alarms.nights += alarm.nights;
      model_.false_alarms.steps += alarm.steps;
    }
  }

  void group() {
    std::vector<analysis::LocatedStep> located;
    for (const CaseHistory& history : model_.cases) {
      if (!history.headline) continue;
      const analysis::Detection& detection = model_.series[*history.headline].detection;
      for (std::size_t i = 0; i < detection.steps.size(); ++i) {
        model_.steps.push_back({*history.headline, i, 0});
        located.push_back({history.timeline, detection.steps[i].index, history.key.device});
      }
    }
    std::vector<analysis::EnvironmentChange> changes;
    std::vector<std::size_t> devices;
    for (std::size_t i = 0; i < model_.timelines.size(); ++i) {
      devices.push_back(model_.timelines[i].devices.size());
      for (const FieldHistory& field : model_.timelines[i].environment) {
        if (field.unsteady) continue;
        for (std::size_t k = 1; k < field.values.size(); ++k) {
          changes.push_back({i, field.values[k].first, field.field, field.values[k - 1].second,
                             field.values[k].second});
        }
      }
    }
    model_.groups = analysis::group_steps(located, changes, devices);
    for (std::size_t group = 0; group < model_.groups.size(); ++group) {
      for (const std::size_t step : model_.groups[group].steps) model_.steps[step].group = group;
    }
  }

  const AllRecordings& all_;
  Model model_;
  std::map<std::string, std::uint32_t> cases_;
  std::map<std::string, std::uint32_t> series_;
  std::vector<std::vector<std::uint32_t>> case_of_;    // by table, of the timeline at hand
  std::vector<std::vector<std::uint32_t>> series_of_;  // the same
  std::vector<std::vector<Placed>> placed_;
};

}  // namespace

Model build_model(const AllRecordings& all) { return Builder(all).build(); }

NightState state_at(const Model& model, const CaseHistory& history, std::uint32_t position) {
  const auto night = std::lower_bound(
      history.nights.begin(), history.nights.end(), position,
      [](const CaseNight& a, std::uint32_t wanted) { return a.position < wanted; });
  if (night == history.nights.end() || night->position != position) return NightState::kNotMeasured;
  if (history.headline) {
    const std::vector<Night>& nights = model.series[*history.headline].nights;
    const auto figure =
        std::lower_bound(nights.begin(), nights.end(), position,
                         [](const Night& a, std::uint32_t wanted) { return a.position < wanted; });
    const bool here = figure != nights.end() && figure->position == position;
    if (here && !std::isnan(figure->p50)) return NightState::kMeasured;
  }
  if (night->failed > 0) return NightState::kFailed;
  if (night->skipped > 0) return NightState::kSkipped;
  return NightState::kUndefined;
}

}  // namespace notifier::site
