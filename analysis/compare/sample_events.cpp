// SPDX-License-Identifier: MIT
#include "analysis/compare/sample_events.hpp"

#include <algorithm>

#include "analysis/flags.hpp"

namespace notifier::analysis {
namespace {

constexpr std::int64_t kMostEvents = 10'000'000;  // in one run; more is taken for a defect
constexpr char kSeparator = '\n';

std::string make_key(std::string_view recording, std::string_view case_name, std::string_view run) {
  std::string key;
  key.append(recording).append(1, kSeparator).append(case_name).append(1, kSeparator).append(run);
  return key;
}

}  // namespace

SampleEventLoader::SampleEventLoader(std::istream& in, std::string file_name, EventSet events,
                                     RunSet& runs)
    : csv_(in, std::move(file_name)), events_(events), runs_(runs) {
  for (std::size_t i = 0; i < runs.runs.size(); ++i) {
    const SummaryRow& identity = runs.runs[i].identity;
    run_index_[make_key(identity.recording, identity.case_name, std::to_string(identity.run))] = i;
  }
  read_header();
}

std::size_t SampleEventLoader::required(std::string_view name) const {
  const auto found = columns_.find(name);
  if (found != columns_.end()) return found->second;
  throw InputError(csv_.file_name(), csv_.line(), 0,
                   "wrong header: no column '" + std::string(name) + "'");
}

void SampleEventLoader::read_header() {
  const Fields* header = csv_.next();
  if (header == nullptr) throw InputError(csv_.file_name(), 0, 0, "empty: no header line");
  column_count_ = header->size();
  for (std::size_t i = 0; i < header->size(); ++i) {
    if (!columns_.emplace((*header)[i], i).second) csv_.fail(i, "column stands a second time");
    const std::optional<Metric> metric = find_metric((*header)[i]);
    if (metric && is_event_metric(*metric)) metric_columns_.emplace_back(i, index_of(*metric));
  }
  recording_ = required("recording");
  case_name_ = required("case_name");
  run_ = required("run");
  event_ = required("event");
  kind_ = required("kind");
  flags_ = columns_.contains("flags") ? columns_.find("flags")->second : column_count_;
}

void SampleEventLoader::load() {
  while (const Fields* fields = csv_.next()) {
    if (fields->size() != column_count_) {
      csv_.fail(fields->size() - 1, "the line has " + std::to_string(fields->size()) +
                                        " fields, the header " + std::to_string(column_count_));
    }
    read_event(*fields);
  }
  if (!csv_.ended_with_newline()) {
    throw InputError(csv_.file_name(), csv_.line(), 0, "truncated: the last line has no end");
  }
  for (CaseRun& run : runs_.runs) {
    for (MetricValues& metric : run.metrics) finish(run, metric);
  }
}

void SampleEventLoader::finish(const CaseRun& run, MetricValues& values) const {
  const std::optional<Metric> metric = find_metric(values.metric);
  if (!metric || !is_event_metric(*metric)) return;
  if (values.n != static_cast<std::int64_t>(values.events.size())) {
    throw InputError(csv_.file_name(), csv_.line(), 0,
                     "incomplete: " + std::to_string(values.events.size()) + " values of " +
                         values.metric + " for case " + run.identity.case_name + " run " +
                         std::to_string(run.identity.run) + ", summary.csv has " +
                         std::to_string(values.n));
  }
  std::sort(values.events.begin(), values.events.end());
}

void SampleEventLoader::read_event(const Fields& fields) {
  Target& target = find_target(fields);
  std::int64_t event = -1;
  if (!parse_number(fields[event_], event) || event < 0 || event >= kMostEvents) {
    csv_.fail(event_, "event: '" + std::string(fields[event_].substr(0, 40)) +
                          "' is not a number of an event");
  }
  const auto number = static_cast<std::size_t>(event);
  if (number >= target.seen.size()) target.seen.resize(number + 1);
  if (target.seen[number]) csv_.fail(event_, "second row for the same event");
  target.seen[number] = true;
  const std::optional<EventKind> kind = from_word<EventKind>(fields[kind_]);
  if (!kind) {
    csv_.fail(kind_, "kind: '" + std::string(fields[kind_].substr(0, 40)) + "' is unknown");
  }
  if (*kind != EventKind::kEvent) return;
  const bool tainted = flags_ < column_count_ && is_tainted(fields[flags_]);
  if (tainted && events_ == EventSet::kUnflagged) return;
  read_metrics(fields, target);
}

SampleEventLoader::Target& SampleEventLoader::find_target(const Fields& fields) {
  key_.clear();
  key_.append(fields[recording_]).append(1, kSeparator).append(fields[case_name_]);
  key_.append(1, kSeparator).append(fields[run_]);
  if (current_ != nullptr && key_ == current_key_) return *current_;
  const auto found = run_index_.find(key_);
  if (found == run_index_.end()) {
    csv_.fail(case_name_, "summary.csv has no such recording, case and run");
  }
  const auto [entry, is_new] = targets_.try_emplace(found->second);
  if (is_new) {
    for (MetricValues& values : runs_.runs[found->second].metrics) {
      const std::optional<Metric> metric = find_metric(values.metric);
      if (metric && is_event_metric(*metric)) entry->second.metrics[index_of(*metric)] = &values;
    }
  }
  current_ = &entry->second;
  current_key_ = key_;
  return *current_;
}

void SampleEventLoader::read_metrics(const Fields& fields, Target& target) {
  for (const auto& [field, metric] : metric_columns_) {
    const std::string_view text = fields[field];
    if (text.empty()) continue;
    double value = 0;
    if (!parse_number(text, value)) {
      csv_.fail(field, "'" + std::string(text.substr(0, 40)) + "' is not of type number");
    }
    if (value < 0 && !may_be_negative(all_metrics()[metric].name)) {
      csv_.fail(field, "a negative value");
    }
    if (target.metrics[metric] == nullptr) {
      csv_.fail(field, "summary.csv has no row for this metric of this run");
    }
    target.metrics[metric]->events.push_back(value);
  }
}

}  // namespace notifier::analysis
