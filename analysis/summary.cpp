// SPDX-License-Identifier: MIT
#include "analysis/summary.hpp"

#include <algorithm>
#include <optional>

#include "analysis/flags.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

bool belongs(const SampleRow& sample, EventSet events) {
  switch (events) {
    case EventSet::kAll:
      return sample.kind == EventKind::kEvent;
    case EventSet::kUnflagged:
      return sample.kind == EventKind::kEvent && !is_tainted(sample.flags);
    case EventSet::kSham:
      return sample.kind == EventKind::kSham;
  }
  return false;
}

std::vector<const SampleRow*> select(std::span<const SampleRow> samples, EventSet events) {
  std::vector<const SampleRow*> selected;
  for (const SampleRow& sample : samples) {
    if (belongs(sample, events)) selected.push_back(&sample);
  }
  return selected;
}

std::vector<double> values_of(const std::vector<const SampleRow*>& samples, Metric metric) {
  std::vector<double> values;
  for (const SampleRow* sample : samples) {
    if (const auto& value = (*sample)[metric]) values.push_back(*value);
  }
  return values;
}

// Sum over the samples that have the count; empty when none has.
std::optional<std::int64_t> sum_of(const std::vector<const SampleRow*>& samples,
                                   std::optional<std::int64_t> SampleRow::*count) {
  std::optional<std::int64_t> sum;
  for (const SampleRow* sample : samples) {
    if (const auto& value = sample->*count) sum = sum.value_or(0) + *value;
  }
  return sum;
}

void set_statistics(SummaryRow& row, std::span<const double> values) {
  const Summary summary = summarize(values);
  row.n = static_cast<std::int64_t>(summary.n);
  row.min = summary.min;
  row.p10 = summary.p10;
  row.p50 = summary.p50;
  row.p90 = summary.p90;
  row.p99 = summary.p99;
  row.max = summary.max;
}

void set_metric(SummaryRow& row, const MetricInfo& metric) {
  row.metric = metric.name;
  row.unit = metric.unit;
  row.better = metric.better;
}

SummaryRow without_metric(const SummaryRow& identity) {
  SummaryRow row = identity;
  row.metric.clear();
  row.unit.clear();
  row.better = Better::kNone;
  row.headline = YesNo::kNo;
  row.events = EventSet::kAll;
  row.flagged_samples.reset();
  row.incoherent_samples.reset();
  row.clock_residual_ns.reset();
  row.evictions.reset();
  row.restores_rescheduled.reset();
  set_statistics(row, {});
  return row;
}

// A row for the set as a whole, whose metric and statistics are still to be filled in.
SummaryRow describe_set(const SummaryRow& identity, const std::vector<const SampleRow*>& samples,
                        EventSet events) {
  SummaryRow row = without_metric(identity);
  row.events = events;
  row.flagged_samples = std::count_if(samples.begin(), samples.end(), [](const SampleRow* sample) {
    return is_tainted(sample->flags);
  });
  row.incoherent_samples =
      std::count_if(samples.begin(), samples.end(),
                    [](const SampleRow* sample) { return has_flag(sample->flags, "incoherent"); });
  std::vector<double> residuals;
  for (const SampleRow* sample : samples) {
    if (sample->clock_residual_ns) residuals.push_back(*sample->clock_residual_ns);
  }
  row.clock_residual_ns = median(residuals);
  row.evictions = sum_of(samples, &SampleRow::evictions);
  row.restores_rescheduled = sum_of(samples, &SampleRow::restores_rescheduled);
  return row;
}

void append_set(const SummaryRow& identity, std::span<const SampleRow> samples, EventSet events,
                std::vector<SummaryRow>& rows) {
  const std::vector<const SampleRow*> selected = select(samples, events);
  if (selected.empty()) return;
  const SummaryRow set = describe_set(identity, selected, events);
  for (const MetricInfo& metric : event_metrics()) {
    const std::vector<double> values = values_of(selected, metric.metric);
    if (values.empty()) continue;
    SummaryRow row = set;
    set_metric(row, metric);
    set_statistics(row, values);
    rows.push_back(row);
  }
}

void mark_headline(std::vector<SummaryRow>& rows) {
  int best = 0;
  for (const SummaryRow& row : rows) {
    if (row.events != EventSet::kAll) continue;
    const int order = info(*find_metric(row.metric)).headline_order;
    if (order != 0 && (best == 0 || order < best)) best = order;
  }
  if (best == 0) return;
  for (SummaryRow& row : rows) {
    const bool is_headline = info(*find_metric(row.metric)).headline_order == best;
    row.headline = is_headline ? YesNo::kYes : YesNo::kNo;
  }
}

}  // namespace

std::vector<SummaryRow> summarize_run(const SummaryRow& identity,
                                      std::span<const SampleRow> samples,
                                      std::span<const RunValue> run_values) {
  std::vector<SummaryRow> rows;
  append_set(identity, samples, EventSet::kAll, rows);
  for (const RunValue& run_value : run_values) {
    SummaryRow row = without_metric(identity);
    set_metric(row, info(run_value.metric));
    set_statistics(row, {&run_value.value, 1});
    rows.push_back(row);
  }
  const bool some_tainted =
      std::any_of(samples.begin(), samples.end(), [](const SampleRow& sample) {
        return sample.kind == EventKind::kEvent && is_tainted(sample.flags);
      });
  if (some_tainted) append_set(identity, samples, EventSet::kUnflagged, rows);
  append_set(identity, samples, EventSet::kSham, rows);
  mark_headline(rows);
  if (rows.empty()) rows.push_back(without_metric(identity));
  return rows;
}

}  // namespace notifier::analysis
