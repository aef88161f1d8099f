// SPDX-License-Identifier: MIT
#include "analysis/site/run_detail.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "analysis/files.hpp"
#include "analysis/manifest.hpp"
#include "analysis/site/encode.hpp"
#include "analysis/statistics.hpp"
#include "analysis/validate.hpp"

namespace notifier::site {
namespace {

using analysis::Metric;
using analysis::SampleRow;
using analysis::SummaryRow;
using nlohmann::json;

// Before the stall, then the parts of the stall: as fine as the driver tells, or the coarse ones.
constexpr std::array kFineParts = {Metric::kCallToEvict,  Metric::kEvictToStop,
                                   Metric::kNotifier,     Metric::kRestoreDelay,
                                   Metric::kRevalidation, Metric::kRestoreToProgress};
constexpr std::array kCoarseParts = {Metric::kCallToEvict, Metric::kEvictToStop,
                                     Metric::kStopToRestore, Metric::kRestoreToProgress};
constexpr std::size_t kEcdfSteps = 200;
constexpr std::size_t kFindingsShown = 20;
constexpr std::size_t kLongestText = 400;

template <typename Value>
json or_null(const std::optional<Value>& value) {
  if (!value) return nullptr;
  return *value;
}

std::string shortened(const std::string& text) {
  if (text.size() <= kLongestText) return text;
  return text.substr(0, kLongestText) + "...";
}

struct CaseDetail {
  json runs = json::array();
  json figures = json::array();
  std::string headline;
  std::vector<SampleRow> samples;
};

json outcome_of(const SummaryRow& row) {
  return {
      {"run", row.run},
      {"status", analysis::to_word(row.status)},
      {"reason", shortened(row.reason)},
      {"flags", row.flags},
      {"violations",
       {or_null(row.violations_stale), or_null(row.violations_torn), or_null(row.violations_lost),
        or_null(row.violations_foreign), or_null(row.violations_zero),
        or_null(row.violations_protocol), or_null(row.violations_missed)}},
      {"words_checked", or_null(row.words_checked)},
      {"evictions", or_null(row.evictions)},
      {"recovery_observed", row.recovery_observed},
      {"memory_path", row.memory_path},
      {"clock_residual_ns", or_null(row.clock_residual_ns)},
      {"duration_s", or_null(row.duration_s)}};
}

using Cases = std::map<std::pair<std::string, std::string>, CaseDetail>;  // by name and device

void add_summary(const std::vector<SummaryRow>& rows, Cases& cases) {
  for (const SummaryRow& row : rows) {
    CaseDetail& detail = cases[{row.case_name, row.device}];
    if (detail.runs.empty() || detail.runs.back()["run"] != row.run) {
      detail.runs.push_back(outcome_of(row));
    }
    if (row.metric.empty()) continue;
    if (row.headline == analysis::YesNo::kYes) detail.headline = row.metric;
    detail.figures.push_back({row.run, row.metric, analysis::to_word(row.events), row.n,
                              or_null(row.min), or_null(row.p10), or_null(row.p50),
                              or_null(row.p90), or_null(row.p99), or_null(row.max)});
  }
}

void add_samples(const RecordingData& recording, Cases& cases) {
  const std::unique_ptr<std::istream> in = analysis::open_samples(recording.folder);
  analysis::RowReader<SampleRow> reader(analysis::sample_columns(), *in, "samples.csv");
  std::map<std::string, CaseDetail*> by_name;  // a sample does not name its device
  for (auto& [key, detail] : cases) by_name.try_emplace(key.first, &detail);
  SampleRow row;
  while (reader.next(row)) {
    const auto found = by_name.find(row.case_name);
    if (found != by_name.end()) found->second->samples.push_back(row);
  }
}

std::span<const Metric> parts_of(const std::vector<SampleRow>& samples) {
  const bool fine = std::any_of(samples.begin(), samples.end(), [](const SampleRow& sample) {
    return sample[Metric::kRevalidation].has_value();
  });
  return fine ? std::span<const Metric>(kFineParts) : std::span<const Metric>(kCoarseParts);
}

json ecdf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  json steps = json::array();
  const std::size_t count = std::min(values.size(), kEcdfSteps);
  for (std::size_t i = 1; i <= count; ++i) {
    const std::size_t index = (i * values.size() + count - 1) / count - 1;
    steps.push_back(
        {values[index], static_cast<double>(index + 1) / static_cast<double>(values.size())});
  }
  return steps;
}

json median_parts(const std::vector<SampleRow>& samples) {
  json parts = json::array();
  for (const Metric part : parts_of(samples)) {
    std::vector<double> values;
    for (const SampleRow& sample : samples) {
      if (sample.kind == analysis::EventKind::kEvent && sample[part]) {
        values.push_back(*sample[part]);
      }
    }
    const auto middle = analysis::median(values);
    parts.push_back({analysis::info(part).name, or_null(middle), values.size()});
  }
  return parts;
}

json worst_events(const std::vector<SampleRow>& samples, Metric headline) {
  std::vector<const SampleRow*> order;
  for (const SampleRow& sample : samples) {
    if (sample.kind == analysis::EventKind::kEvent && sample[headline]) order.push_back(&sample);
  }
  std::stable_sort(order.begin(), order.end(), [&](const SampleRow* a, const SampleRow* b) {
    return *(*a)[headline] > *(*b)[headline];
  });
  order.resize(std::min(order.size(), kWorstEvents));
  json worst = json::array();
  for (const SampleRow* sample : order) {
    json entry = {{"run", sample->run},
                  {"event", sample->event},
                  {"start_ns", sample->start_ns},
                  {"value", *(*sample)[headline]},
                  {"syscall_ns", or_null((*sample)[Metric::kSyscall])},
                  {"flags", sample->flags},
                  {"violations", or_null(sample->violations)}};
    for (const Metric part : parts_of(samples)) entry["parts"].push_back(or_null((*sample)[part]));
    worst.push_back(entry);
  }
  return worst;
}

void describe_samples(const CaseDetail& detail, json& entry) {
  const auto headline = analysis::find_metric(detail.headline);
  if (detail.samples.empty() || !headline || !analysis::is_event_metric(*headline)) return;
  std::vector<double> events;
  std::vector<double> shams;
  for (const SampleRow& sample : detail.samples) {
    if (!sample[*headline]) continue;
    (sample.kind == analysis::EventKind::kEvent ? events : shams).push_back(*sample[*headline]);
  }
  entry["histogram"] = histogram(events, shams);
  entry["ecdf"] = {{"events", ecdf(events)}, {"shams", ecdf(shams)}};
  entry["parts"] = median_parts(detail.samples);
  entry["worst"] = worst_events(detail.samples, *headline);
}

json describe_manifest(const RecordingData& recording) {
  const analysis::Manifest manifest = analysis::read_manifest(recording.folder / "manifest.json");
  json environment = json::object();
  for (const auto& [field, value] : manifest.environment) environment[field] = shortened(value);
  json described = {{"environment", environment}};
  for (const char* field : {"command", "seed", "finished_utc", "self_test", "meter", "coherence"}) {
    if (manifest.document.contains(field)) described[field] = manifest.document[field];
  }
  return described;
}

}  // namespace

json histogram(std::span<const double> events, std::span<const double> shams) {
  double low = HUGE_VAL;
  double high = 0;
  for (const auto& values : {events, shams}) {
    for (const double value : values) {
      if (value > 0) low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (!(high > 0)) return nullptr;
  const double width = std::max(std::log(high / low), 1e-6) / static_cast<double>(kHistogramBins);
  const auto count = [&](std::span<const double> values) {
    std::vector<std::size_t> bins(kHistogramBins, 0);
    for (const double value : values) {
      const double place = value > 0 ? std::log(value / low) / width : 0;
      ++bins[std::min(static_cast<std::size_t>(std::max(place, 0.0)), kHistogramBins - 1)];
    }
    return bins;
  };
  return {{"low", low}, {"high", high}, {"events", count(events)}, {"shams", count(shams)}};
}

json run_detail(const RecordingData& recording) {
  json document = {{"findings", json::array()}, {"cases", json::array()}};
  Cases cases;
  try {
    document["manifest"] = describe_manifest(recording);
    std::ifstream in = analysis::open_input(recording.folder / "summary.csv");
    add_summary(analysis::read_summary(in, "summary.csv"), cases);
    if (recording.has_samples) {
      add_samples(recording, cases);
      const analysis::ValidationReport report = analysis::validate_recording(recording.folder);
      const std::string prefix = recording.folder.string() + "/";
      for (const std::string& finding : report.findings) {
        if (document["findings"].size() == kFindingsShown) break;
        document["findings"].push_back(finding.starts_with(prefix) ? finding.substr(prefix.size())
                                                                   : finding);
      }
    }
  } catch (const std::exception& error) {
    document["findings"].push_back(error.what());
  }
  for (const auto& [key, detail] : cases) {
    json entry = {{"name", key.first},
                  {"device", key.second},
                  {"headline", detail.headline},
                  {"runs", detail.runs},
                  {"figures", detail.figures}};
    describe_samples(detail, entry);
    document["cases"].push_back(entry);
  }
  return document;
}

}  // namespace notifier::site
