// SPDX-License-Identifier: MIT
// The files of a recording: what a row of summary.csv and of samples.csv holds. The column tables
// in schema.cpp are the only place that names columns; writers, readers, the validator and
// results/README.md follow them.
#pragma once

#include <array>
#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/columns.hpp"
#include "analysis/metrics.hpp"

namespace notifier::analysis {

// Raised when a column changes its meaning or a required one is added; a new optional column does
// not raise it.
inline constexpr std::int64_t kSchemaVersion = 1;

enum class Status : std::uint8_t { kOk, kSkipped, kFailed };
enum class EventKind : std::uint8_t { kEvent, kSham };
// Which events of a run a summary row is about.
enum class EventSet : std::uint8_t { kAll, kUnflagged, kSham };
enum class YesNo : std::uint8_t { kNo, kYes };

template <>
struct Words<Status> {
  static constexpr std::array<std::string_view, 3> kWords = {"ok", "skipped", "failed"};
  static constexpr std::string_view kList = "ok, skipped or failed";
};
template <>
struct Words<EventKind> {
  static constexpr std::array<std::string_view, 2> kWords = {"event", "sham"};
  static constexpr std::string_view kList = "event or sham";
};
template <>
struct Words<EventSet> {
  static constexpr std::array<std::string_view, 3> kWords = {"all", "unflagged", "sham"};
  static constexpr std::string_view kList = "all, unflagged or sham";
};
template <>
struct Words<YesNo> {
  static constexpr std::array<std::string_view, 2> kWords = {"no", "yes"};
  static constexpr std::string_view kList = "no or yes";
};
template <>
struct Words<Better> {
  static constexpr std::array<std::string_view, 3> kWords = {"lower", "higher", "none"};
  static constexpr std::string_view kList = "lower, higher or none";
};

// One row per case, metric, event set and run. A run that measured nothing (skipped, or failed
// before its first event) is one row with an empty metric.
struct SummaryRow {
  std::int64_t schema_version = kSchemaVersion;
  std::string recording;
  std::string machine;
  std::string platform;
  std::string device;
  std::string boot_id;
  std::string kernel_release;
  std::string case_name;
  std::int64_t case_version = 1;
  std::string memory;
  std::string memory_path;
  std::string backing;
  std::string perturbation;
  std::string policy;
  std::string recovery;
  std::string recovery_observed;
  std::string driver_actions;
  std::string context;
  std::string touch;
  std::string outcome;
  std::string original_page;
  std::optional<std::int64_t> size_bytes;
  std::optional<std::int64_t> perturbed_bytes;
  std::optional<std::int64_t> waves;
  std::optional<std::int64_t> lanes_per_wave;
  std::optional<std::int64_t> seed;
  std::int64_t run = 0;
  std::string metric;
  std::string unit;
  Better better = Better::kNone;
  YesNo headline = YesNo::kNo;
  EventSet events = EventSet::kAll;
  std::int64_t n = 0;
  std::optional<double> min;
  std::optional<double> p10;
  std::optional<double> p50;
  std::optional<double> p90;
  std::optional<double> p99;
  std::optional<double> max;
  Status status = Status::kOk;
  std::string reason;
  std::string flags;
  std::optional<std::int64_t> flagged_samples;
  std::optional<std::int64_t> incoherent_samples;
  std::optional<double> clock_residual_ns;
  std::optional<std::int64_t> violations_stale;
  std::optional<std::int64_t> violations_torn;
  std::optional<std::int64_t> violations_lost;
  std::optional<std::int64_t> violations_foreign;
  std::optional<std::int64_t> violations_zero;
  std::optional<std::int64_t> violations_protocol;
  std::optional<std::int64_t> violations_missed;
  std::optional<std::int64_t> pages_moved_unseen;
  std::optional<std::int64_t> words_checked;
  std::optional<std::int64_t> evictions;
  std::optional<std::int64_t> restores_rescheduled;
  std::string started_utc;
  std::optional<double> duration_s;
};

// Sum over the classes; empty when no class was counted.
std::optional<std::int64_t> total_violations(const SummaryRow& row);

// One row per event, in the order in which the events happened.
struct SampleRow {
  std::string recording;
  std::string case_name;
  std::int64_t run = 0;
  std::int64_t event = 0;
  EventKind kind = EventKind::kEvent;
  std::int64_t start_ns = 0;
  std::array<std::optional<double>, kEventMetricCount> metrics;
  std::optional<std::int64_t> evictions;
  std::optional<std::int64_t> restores;
  std::optional<std::int64_t> restores_rescheduled;
  std::optional<std::int64_t> lost_events;
  std::optional<std::int64_t> allowed_zeros;
  std::optional<std::int64_t> violations;
  std::optional<double> clock_residual_ns;
  std::string flags;

  // Only for event metrics.
  std::optional<double>& operator[](Metric metric) { return metrics[index_of(metric)]; }
  const std::optional<double>& operator[](Metric metric) const { return metrics[index_of(metric)]; }
};

std::span<const Column<SummaryRow>> summary_columns();
std::span<const Column<SampleRow>> sample_columns();

// Write the header line and the rows. The stream's state tells whether all was taken.
void write_summary(std::ostream& out, std::span<const SummaryRow> rows);
void write_samples(std::ostream& out, std::span<const SampleRow> rows);

// For writers that append row by row as events come in.
void write_sample_header(CsvWriter& out);
void write_sample(CsvWriter& out, const SampleRow& row);
void write_summary_header(CsvWriter& out);
void write_summary_row(CsvWriter& out, const SummaryRow& row);

std::vector<SummaryRow> read_summary(std::istream& in, const std::string& file_name);

}  // namespace notifier::analysis
