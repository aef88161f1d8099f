// SPDX-License-Identifier: MIT
// All recordings as series over time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/change_points/attribution.hpp"
#include "analysis/change_points/detection.hpp"
#include "analysis/site/recording_reader.hpp"

namespace notifier::site {

enum class NightState : std::uint8_t { kMeasured, kFailed, kSkipped, kUndefined, kNotMeasured };

// One metric of one case on one night, over the night's runs.
struct Night {
  std::uint32_t position = 0;  // of the recording on its timeline
  std::uint32_t runs = 0;      // with the metric defined
  float p10 = 0;               // medians over the runs; NaN is undefined
  float p50 = 0;
  float p90 = 0;
  float p99 = 0;
  float max = 0;  // over all runs
  float p50_all = 0;
};

struct Run {
  std::uint32_t position = 0;
  std::uint32_t run = 0;
  float p50 = 0;
};

// Skipped and failed runs, and violations, of one case on one night.
struct CaseNight {
  std::uint32_t position = 0;
  std::uint32_t ok = 0;
  std::uint32_t failed = 0;
  std::uint32_t skipped = 0;
  std::int64_t violations = 0;
  std::string reason;  // of the first run that was not ok
};

struct CaseHistory {
  std::size_t timeline = 0;
  CaseKey key;
  std::vector<CaseNight> nights;
  std::vector<std::size_t> series;      // indices into Model::series
  std::optional<std::size_t> headline;  // the series that stands for the case
};

struct Series {
  std::size_t case_index = 0;
  SeriesKey key;
  std::string id;  // 16 hexadecimal digits, from the names alone
  std::vector<Night> nights;
  std::vector<Run> runs;  // empty when every night has one run
  analysis::Detection detection;
  std::uint32_t headline_nights = 0;
};

struct FieldHistory {
  std::string field;
  bool unsteady = false;  // changes so often that it explains nothing
  std::vector<std::pair<std::uint32_t, std::string>> values;  // from this position on
};

struct Timeline {
  std::string machine;
  std::string platform;
  std::vector<const RecordingData*> recordings;  // readable ones
  std::vector<FieldHistory> environment;
  std::vector<std::string> devices;
};

// Steps of series that compare two halves of the same nights' runs: each is a false alarm.
struct FalseAlarms {
  std::size_t series = 0;
  std::size_t nights = 0;
  std::size_t steps = 0;
};

struct GroupedStep {
  std::size_t series = 0;
  std::size_t step = 0;  // of the series' detection
  std::size_t group = 0;
};

struct Model {
  std::vector<Timeline> timelines;
  std::vector<CaseHistory> cases;
  std::vector<Series> series;
  std::vector<GroupedStep> steps;           // of headline series; by timeline and position
  std::vector<analysis::StepGroup> groups;  // indices into `steps`
  std::vector<const RecordingData*> unreadable;
  FalseAlarms false_alarms;
  bool synthetic = false;
};

// `all` must outlive the model.
Model build_model(const AllRecordings& all);

// What a case's series shows for one recording of its timeline.
NightState state_at(const Model& model, const CaseHistory& history, std::uint32_t position);

}  // namespace notifier::site
