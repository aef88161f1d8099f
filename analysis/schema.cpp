// SPDX-License-Identifier: MIT
#include "analysis/schema.hpp"

namespace notifier::analysis {
namespace {

using S = SummaryRow;
using E = SampleRow;
constexpr Presence kRequired = Presence::kRequired;
constexpr Presence kOptional = Presence::kOptional;

constexpr std::array kSummaryColumns = {
    column<&S::schema_version>("schema_version", kRequired, "", "version of this table"),
    column<&S::recording>("recording", kRequired, "", "folder name: UTC start time and platform"),
    column<&S::machine>("machine", kRequired, "", "name of the machine; folder of the recording"),
    column<&S::platform>("platform", kRequired, "",
                         "rocm, software, kvm or kernel (no GPU); times of different platforms "
                         "never compare"),
    column<&S::device>("device", kOptional, "",
                       "identity of the GPU (unique id or PCI address), not its model"),
    column<&S::boot_id>("boot_id", kRequired, "",
                        "the boot that the run belongs to; runs of one boot form a cluster"),
    column<&S::kernel_release>("kernel_release", kRequired, "", "uname -r"),
    column<&S::case_name>("case_name", kRequired, "", "the case, unique within a recording"),
    column<&S::case_version>("case_version", kRequired, "",
                             "raised when the case measures something else than before"),
    column<&S::memory>("memory", kOptional, "",
                       "userptr, managed, system, host or vram; pin_ and what holds the pages"),
    column<&S::memory_path>("memory_path", kOptional, "",
                            "what the driver made of it: userptr_bo, svm_range, gtt, shared, ..."),
    column<&S::backing>("backing", kOptional, "",
                        "anon, thp, hugetlb, memfd, shared_anon, file_private, mthp_ with a size, "
                        "thp_pte, thp_part_unmapped or thp_part_shared"),
    column<&S::perturbation>("perturbation", kOptional, "", "what was done to the memory"),
    column<&S::policy>("policy", kOptional, "", "default, dontfork, wipeonfork or shared"),
    column<&S::recovery>("recovery", kOptional, "",
                         "how the device was meant to get out of the way"),
    column<&S::recovery_observed>("recovery_observed", kOptional, "",
                                  "how it did, by the driver's events"),
    column<&S::driver_actions>("driver_actions", kOptional, "",
                               "what the driver's events of the run say it did, with their "
                               "triggers and numbers: evict_userptr=30 restore=30"),
    column<&S::context>("context", kOptional, "",
                        "small: a kernel that does not end; job_Nms: finite jobs of that length"),
    column<&S::touch>(
        "touch", kOptional, "",
        "keeps, leaves_first or fatal: what the kernel does with the memory meanwhile"),
    column<&S::outcome>(
        "outcome", kOptional, "",
        "what became of shared memory (pin cases): coherent, fault, orphan, mixed, "
        "reaches_child or torn; what a child finds (forks): child_copy, "
        "child_nothing, child_zeros or child_shared; where the finite job was when the "
        "call returned (notifier_drain): job_ended, job_running or mixed"),
    column<&S::original_page>("original_page", kOptional, "",
                              "who has the original page in the end (pin cases, root): process, "
                              "child, both, nobody or mixed"),
    column<&S::size_bytes>("size_bytes", kOptional, "B", "memory that the device works on"),
    column<&S::perturbed_bytes>("perturbed_bytes", kOptional, "B", "part of it that is perturbed"),
    column<&S::waves>("waves", kOptional, "", "waves of the workload kernel"),
    column<&S::lanes_per_wave>("lanes_per_wave", kOptional, "", "lanes of a wave"),
    column<&S::seed>("seed", kOptional, "", "seed of the run's schedule"),
    column<&S::run>("run", kRequired, "", "number of the run, from 0; the statistical replicate"),
    column<&S::metric>("metric", kOptional, "",
                       "what was measured; empty in the one row of a run that measured nothing"),
    column<&S::unit>("unit", kOptional, "", "unit of min to max"),
    column<&S::better>("better", kRequired, "", "which direction is an improvement"),
    column<&S::headline>("headline", kRequired, "", "whether this is the case's headline metric"),
    column<&S::events>("events", kRequired, "",
                       "events that the row is about; unflagged stands only where it differs from "
                       "all"),
    column<&S::n>("n", kRequired, "", "number of events in which the metric is defined"),
    column<&S::min>("min", kOptional, "unit", "smallest value"),
    column<&S::p10>("p10", kOptional, "unit", "10th percentile, linear interpolation (type 7)"),
    column<&S::p50>("p50", kOptional, "unit", "median"),
    column<&S::p90>("p90", kOptional, "unit", "90th percentile, type 7"),
    column<&S::p99>("p99", kOptional, "unit", "99th percentile, type 7; empty unless n >= 368"),
    column<&S::max>("max", kOptional, "unit", "largest value"),
    column<&S::status>("status", kRequired, "", "outcome of the run of this case"),
    column<&S::reason>("reason", kOptional, "", "why the status is not ok"),
    column<&S::flags>("flags", kOptional, "", "flags of the run, separated by blanks"),
    column<&S::flagged_samples>("flagged_samples", kOptional, "",
                                "events of this row with a flag that taints"),
    column<&S::incoherent_samples>("incoherent_samples", kOptional, "",
                                   "events of this row whose clocks contradict each other"),
    column<&S::clock_residual_ns>("clock_residual_ns", kOptional, "ns",
                                  "median residual of the clock correlation over the events"),
    column<&S::violations_stale>("violations_stale", kOptional, "",
                                 "words with an older epoch than possible; whole run, like all "
                                 "violations"),
    column<&S::violations_torn>("violations_torn", kOptional, "", "words whose hash fails"),
    column<&S::violations_lost>("violations_lost", kOptional, "", "verified writes that are gone"),
    column<&S::violations_foreign>("violations_foreign", kOptional, "",
                                   "another owner's data, or ours in another process"),
    column<&S::violations_zero>("violations_zero", kOptional, "",
                                "zeros where no event made them legitimate"),
    column<&S::violations_protocol>(
        "violations_protocol", kOptional, "",
        "accesses through an invalid device page-table entry (softgpu)"),
    column<&S::violations_missed>("violations_missed", kOptional, "",
                                  "pages that moved without an invalidation (softgpu, root)"),
    column<&S::pages_moved_unseen>(
        "pages_moved_unseen", kOptional, "pages",
        "pages that the kernel moved by itself (it counted migrations or "
        "new huge pages meanwhile), which the software GPU cannot see; data stays right"),
    column<&S::words_checked>("words_checked", kOptional, "", "words verified in the whole run"),
    column<&S::evictions>("evictions", kOptional, "", "evictions during the row's events"),
    column<&S::restores_rescheduled>("restores_rescheduled", kOptional, "",
                                     "restores that the driver put off, during the row's events"),
    column<&S::started_utc>("started_utc", kOptional, "", "start of the run, ISO 8601, UTC"),
    column<&S::duration_s>("duration_s", kOptional, "s", "duration of the run of this case"),
};

constexpr std::array kSampleIdentity = {
    column<&E::recording>("recording", kRequired, "", "as in summary.csv"),
    column<&E::case_name>("case_name", kRequired, "", "as in summary.csv"),
    column<&E::run>("run", kRequired, "", "number of the run, from 0"),
    column<&E::event>("event", kRequired, "", "number of the event within case and run, from 0"),
    column<&E::kind>("kind", kRequired, "", "a perturbation, or getpid in its place"),
    column<&E::start_ns>("start_ns", kRequired, "ns",
                         "CLOCK_MONOTONIC_RAW since the recording's start"),
};

constexpr std::array kSampleCounts = {
    column<&E::evictions>("evictions", kOptional, "", "evictions that the driver reported"),
    column<&E::restores>("restores", kOptional, "", "restores that the driver reported"),
    column<&E::restores_rescheduled>("restores_rescheduled", kOptional, "",
                                     "restores that the driver put off"),
    column<&E::lost_events>("lost_events", kOptional, "", "driver events known to be lost"),
    column<&E::allowed_zeros>("allowed_zeros", kOptional, "",
                              "words found zero where the event makes that legitimate"),
    column<&E::violations>("violations", kOptional, "", "integrity violations, all classes"),
    column<&E::clock_residual_ns>("clock_residual_ns", kOptional, "ns",
                                  "residual of the clock correlation around the event"),
    column<&E::flags>("flags", kOptional, "", "flags of the event, separated by blanks"),
};

template <std::size_t kIndex>
Column<E> metric_column() {
  using Cell = internal::Cell<std::optional<double>>;
  const MetricInfo& metric = event_metrics()[kIndex];
  return {metric.name,
          Cell::kType,
          metric.unit,
          kOptional,
          metric.meaning,
          [](const E& row, CsvWriter& out) { Cell::write(row.metrics[kIndex], out); },
          [](std::string_view text, E& row) { return Cell::read(text, row.metrics[kIndex]); }};
}

template <std::size_t... kIndices>
std::vector<Column<E>> make_sample_columns(std::index_sequence<kIndices...> /*indices*/) {
  std::vector<Column<E>> columns(kSampleIdentity.begin(), kSampleIdentity.end());
  (columns.push_back(metric_column<kIndices>()), ...);
  columns.insert(columns.end(), kSampleCounts.begin(), kSampleCounts.end());
  return columns;
}

}  // namespace

std::optional<std::int64_t> total_violations(const SummaryRow& row) {
  std::optional<std::int64_t> total;
  for (const auto& count :
       {row.violations_stale, row.violations_torn, row.violations_lost, row.violations_foreign,
        row.violations_zero, row.violations_protocol, row.violations_missed}) {
    if (count) total = total.value_or(0) + *count;
  }
  return total;
}

std::span<const Column<SummaryRow>> summary_columns() { return kSummaryColumns; }

std::span<const Column<SampleRow>> sample_columns() {
  static const std::vector<Column<E>> columns =
      make_sample_columns(std::make_index_sequence<kEventMetricCount>());
  return columns;
}

void write_summary_header(CsvWriter& out) { write_header(summary_columns(), out); }

void write_summary_row(CsvWriter& out, const SummaryRow& row) {
  write_row(summary_columns(), row, out);
}

void write_sample_header(CsvWriter& out) { write_header(sample_columns(), out); }

void write_sample(CsvWriter& out, const SampleRow& row) { write_row(sample_columns(), row, out); }

void write_summary(std::ostream& out, std::span<const SummaryRow> rows) {
  CsvWriter writer(out);
  write_summary_header(writer);
  for (const SummaryRow& row : rows) write_summary_row(writer, row);
}

void write_samples(std::ostream& out, std::span<const SampleRow> rows) {
  CsvWriter writer(out);
  write_sample_header(writer);
  for (const SampleRow& row : rows) write_sample(writer, row);
}

std::vector<SummaryRow> read_summary(std::istream& in, const std::string& file_name) {
  RowReader<SummaryRow> reader(summary_columns(), in, file_name);
  std::vector<SummaryRow> rows;
  SummaryRow row;
  while (reader.next(row)) rows.push_back(row);
  return rows;
}

}  // namespace notifier::analysis
