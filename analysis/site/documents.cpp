// SPDX-License-Identifier: MIT
// The documents that the dashboard reads; dashboard/src/data.ts declares the same shapes.
#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/flags.hpp"
#include "analysis/site/encode.hpp"
#include "analysis/site/site.hpp"

namespace notifier::site {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;

// Texts that occur often, by number.
class Texts {
 public:
  std::size_t add(const std::string& text) {
    const auto [found, fresh] = index_.try_emplace(text, list_.size());
    if (fresh) list_.push_back(text);
    return found->second;
  }
  const json& list() const { return list_; }

 private:
  std::map<std::string, std::size_t> index_;
  json list_ = json::array();
};

json metric_table() {
  json table = json::array();
  for (const analysis::MetricInfo& metric : analysis::all_metrics()) {
    table.push_back({metric.name, metric.unit, analysis::to_word(metric.better), metric.meaning});
  }
  return table;
}

json flag_table() {
  json table = json::array();
  for (const analysis::FlagInfo& flag : analysis::all_flags()) {
    table.push_back({flag.name, flag.taint == analysis::Taint::kYes, flag.meaning});
  }
  return table;
}

json timeline_document(const Timeline& timeline, std::size_t details) {
  json names = json::array();
  json epochs = json::array();
  json kernels = json::array();
  json interrupted = json::array();
  Texts kernel_names;
  for (std::size_t i = 0; i < timeline.recordings.size(); ++i) {
    const RecordingData& recording = *timeline.recordings[i];
    names.push_back(recording.name);
    const auto epoch = epoch_seconds(recording.started_utc);
    epochs.push_back(epoch ? json(*epoch) : json(nullptr));
    if (recording.interrupted) interrupted.push_back(i);
  }
  const std::size_t nights = timeline.recordings.size();
  return {{"machine", timeline.machine},
          {"platform", timeline.platform},
          {"devices", timeline.devices},
          {"names", names},
          {"epochs", epochs},
          {"interrupted", interrupted},
          {"details_from", nights - std::min(nights, details)}};
}

json timelines_document(const Model& model, std::size_t details) {
  json timelines = json::array();
  for (const Timeline& timeline : model.timelines) {
    timelines.push_back(timeline_document(timeline, details));
  }
  return timelines;
}

// One row per case; the dashboard's overview is made of these.
json cases_document(const Model& model) {
  Texts texts;
  json rows = json::array();
  json violations = json::array();
  json trouble = json::array();
  for (std::size_t i = 0; i < model.cases.size(); ++i) {
    const CaseHistory& history = model.cases[i];
    const Timeline& timeline = model.timelines[history.timeline];
    const CaseKey& key = history.key;
    const auto last = static_cast<std::uint32_t>(timeline.recordings.size() - 1);
    const auto device = std::find(timeline.devices.begin(), timeline.devices.end(), key.device) -
                        timeline.devices.begin();
    rows.push_back({history.timeline, device, texts.add(key.case_name), key.case_version,
                    texts.add(key.memory), texts.add(key.backing), texts.add(key.perturbation),
                    texts.add(key.policy), texts.add(key.recovery), texts.add(key.context),
                    key.size_bytes ? json(*key.size_bytes) : json(nullptr),
                    history.headline ? json(*history.headline) : json(nullptr),
                    static_cast<int>(state_at(model, history, last))});
    for (const CaseNight& night : history.nights) {
      if (night.violations > 0) violations.push_back({i, night.position, night.violations});
    }
    if (!history.nights.empty() && history.nights.back().position == last &&
        !history.nights.back().reason.empty()) {
      trouble.push_back({i, history.nights.back().reason.substr(0, 400)});
    }
  }
  return {
      {"texts", texts.list()}, {"rows", rows}, {"violations", violations}, {"reasons", trouble}};
}

float last_value(const Series& series) {
  for (auto night = series.nights.rbegin(); night != series.nights.rend(); ++night) {
    if (!std::isnan(night->p50)) return night->p50;
  }
  return std::numeric_limits<float>::quiet_NaN();
}

// Median over all nights: what the overview's values are relative to.
double base_of(const Series& series) {
  std::vector<float> values;
  for (const Night& night : series.nights) {
    if (night.p50 > 0) values.push_back(night.p50);
  }
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return static_cast<double>(*middle);
}

json series_table(const Model& model) {
  Texts texts;
  json rows = json::array();
  for (const Series& series : model.series) {
    rows.push_back({series.id, series.case_index, texts.add(series.key.metric),
                    texts.add(series.key.unit),
                    texts.add(std::string(analysis::to_word(series.key.better))),
                    number_or_null(static_cast<double>(last_value(series))), series.nights.size()});
  }
  return {{"texts", texts.list()}, {"rows", rows}};
}

json steps_document(const Model& model) {
  json steps = json::array();
  for (const GroupedStep& grouped : model.steps) {
    const Series& series = model.series[grouped.series];
    const analysis::Step& step = series.detection.steps[grouped.step];
    steps.push_back({series.case_index, step.index, step.log_ratio, step.z,
                     step.certainty == analysis::Certainty::kProvisional, grouped.group});
  }
  json groups = json::array();
  for (const analysis::StepGroup& group : model.groups) {
    json candidates = json::array();
    for (const analysis::Candidate& candidate : group.candidates) {
      candidates.push_back({candidate.field, analysis::field_class(candidate.field),
                            candidate.from.substr(0, 200), candidate.to.substr(0, 200),
                            candidate.machines_stepped, candidate.machines_steady});
    }
    groups.push_back({{"cause", analysis::to_word(group.cause)}, {"candidates", candidates}});
  }
  return {{"steps", steps}, {"groups", groups}};
}

json unreadable_document(const Model& model) {
  json list = json::array();
  for (const RecordingData* recording : model.unreadable) {
    list.push_back({recording->machine, recording->name, recording->problem.substr(0, 400)});
  }
  return list;
}

}  // namespace

json index_document(const Model& model, const SiteOptions& options, const SiteReport& report) {
  const json steps = steps_document(model);
  return {{"format", kFormat},
          {"synthetic", model.synthetic},
          {"counts",
           {{"recordings", report.recordings}, {"rows", report.rows}, {"series", report.series}}},
          {"metrics", metric_table()},
          {"flags", flag_table()},
          {"timelines", timelines_document(model, options.details)},
          {"cases", cases_document(model)},
          {"series", series_table(model)},
          {"steps", steps["steps"]},
          {"groups", steps["groups"]},
          {"unreadable", unreadable_document(model)},
          {"false_alarms",
           {model.false_alarms.series, model.false_alarms.nights, model.false_alarms.steps}}};
}

json overview_document(const Model& model) {
  std::vector<std::int16_t> values;
  json bases = json::array();
  for (const CaseHistory& history : model.cases) {
    const std::size_t nights = model.timelines[history.timeline].recordings.size();
    const std::size_t begin = values.size();
    values.resize(begin + nights, overview_code(NightState::kNotMeasured));
    for (const CaseNight& night : history.nights) {
      NightState state = NightState::kUndefined;
      if (night.skipped > 0) state = NightState::kSkipped;
      if (night.failed > 0) state = NightState::kFailed;
      values[begin + night.position] = overview_code(state);
    }
    double base = std::numeric_limits<double>::quiet_NaN();
    if (history.headline) {
      const Series& series = model.series[*history.headline];
      base = base_of(series);
      for (const Night& night : series.nights) {
        if (std::isnan(night.p50)) continue;
        values[begin + night.position] = overview_value(static_cast<double>(night.p50), base);
      }
    }
    bases.push_back(number_or_null(base));
  }
  return {{"bases", bases}, {"values", base64(std::span<const std::int16_t>(values))}};
}

json series_document(const Model& model, const Series& series) {
  const CaseHistory& history = model.cases[series.case_index];
  std::vector<float> columns;
  columns.reserve(series.nights.size() * 8);
  const auto add = [&](auto member) {
    for (const Night& night : series.nights) columns.push_back(static_cast<float>(night.*member));
  };
  add(&Night::position);
  add(&Night::runs);
  for (const auto member :
       {&Night::p10, &Night::p50, &Night::p90, &Night::p99, &Night::max, &Night::p50_all}) {
    add(member);
  }
  std::vector<float> runs;
  for (const Run& run : series.runs) runs.push_back(static_cast<float>(run.position));
  for (const Run& run : series.runs) runs.push_back(static_cast<float>(run.run));
  for (const Run& run : series.runs) runs.push_back(run.p50);
  json steps = json::array();
  for (const analysis::Step& step : series.detection.steps) {
    steps.push_back(
        {step.index, step.log_ratio, step.z, step.certainty == analysis::Certainty::kProvisional});
  }
  json outcomes = json::array();
  for (const CaseNight& night : history.nights) {
    if (night.failed + night.skipped == 0 && night.violations == 0) continue;
    outcomes.push_back({night.position, night.ok, night.failed, night.skipped, night.violations,
                        night.reason.substr(0, 400)});
  }
  return {{"nights", base64(std::span<const float>(columns))},
          {"runs", base64(std::span<const float>(runs))},
          {"steps", steps},
          {"spikes", series.detection.spikes},
          {"outcomes", outcomes}};
}

json environment_document(const Timeline& timeline) {
  json fields = json::array();
  for (const FieldHistory& field : timeline.environment) {
    json values = json::array();
    if (field.unsteady) {
      values.push_back({field.values.back().first, field.values.back().second.substr(0, 400)});
    } else {
      for (const auto& [position, value] : field.values) {
        values.push_back({position, value.substr(0, 400)});
      }
    }
    fields.push_back({field.field, analysis::field_class(field.field), field.unsteady,
                      field.values.size() - 1, values});
  }
  return fields;
}

}  // namespace notifier::site
