// SPDX-License-Identifier: MIT
#include "analysis/validate.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "analysis/files.hpp"
#include "analysis/flags.hpp"
#include "analysis/manifest.hpp"
#include "analysis/schema.hpp"
#include "analysis/summary.hpp"

namespace notifier::analysis {
namespace {

// Summaries are recomputed with the same code, but another compiler may fuse multiply and add.
constexpr double kRelativeTolerance = 1e-12;

using GroupKey = std::pair<std::string, std::int64_t>;  // case_name, run

struct LocatedRow {
  SummaryRow row;
  std::size_t line = 0;
};

class Validator {
 public:
  explicit Validator(const std::filesystem::path& folder)
      : folder_(folder),
        manifest_file_(folder / "manifest.json"),
        summary_file_(folder / "summary.csv"),
        samples_file_(folder / "samples.csv") {}

  ValidationReport run() {
    std::ifstream summary = open_input(summary_file_);
    const std::unique_ptr<std::istream> samples = open_samples(folder_);
    const std::string manifest_text = read_text_file(manifest_file_);
    guarded([&] { manifest_ = parse_manifest(manifest_text, manifest_file_.string()); });
    guarded([&] { read_summary_rows(summary); });
    guarded([&] { read_sample_rows(*samples); });
    check_summaries_without_samples();
    check_counts();
    return std::move(report_);
  }

 private:
  template <typename Step>
  void guarded(Step step) {
    try {
      step();
    } catch (const InputError& error) {
      add(error.what());
      incomplete_ = true;
    }
  }

  void add(const std::string& message) {
    ++report_.findings_total;
    if (report_.findings.size() < kFindingsKept) report_.findings.push_back(message);
  }

  void add(const std::filesystem::path& file, std::size_t line, const std::string& message) {
    add(InputError(file.string(), line, 0, message).what());
  }

  void read_summary_rows(std::istream& in) {
    RowReader<SummaryRow> reader(summary_columns(), in, summary_file_.string());
    std::set<std::tuple<std::string, std::int64_t, std::string, EventSet>> seen;
    SummaryRow row;
    while (reader.next(row)) {
      ++report_.summary_rows;
      check_summary_row(row, reader.line());
      if (!seen.emplace(row.case_name, row.run, row.metric, row.events).second) {
        add(summary_file_, reader.line(), "second row for the same case, run, metric and events");
      }
      groups_[{row.case_name, row.run}].push_back({row, reader.line()});
    }
  }

  void check_summary_row(const SummaryRow& row, std::size_t line) {
    const auto must = [&](bool condition, const std::string& message) {
      if (!condition) add(summary_file_, line, message);
    };
    must(row.schema_version >= 1 && row.schema_version <= kSchemaVersion,
         fmt::format("schema_version {} is unknown here", row.schema_version));
    must(row.status == Status::kOk || !row.reason.empty(), "status is not ok and has no reason");
    must(row.metric.empty() == row.unit.empty(), "metric and unit stand only together");
    must(row.metric.empty() || find_metric(row.metric).has_value(),
         "unknown metric '" + row.metric + "'");
    const std::string_view flag = find_unknown_flag(row.flags);
    must(flag.empty(), "unknown flag '" + std::string(flag) + "'");
    if (manifest_) {
      must(row.recording == manifest_->recording, "recording is not the manifest's");
      must(row.machine == manifest_->machine, "machine is not the manifest's");
      must(row.platform == manifest_->platform, "platform is not the manifest's");
    }
  }

  void read_sample_rows(std::istream& in) {
    RowReader<SampleRow> reader(sample_columns(), in, samples_file_.string());
    std::vector<SampleRow> group;
    SampleRow row;
    while (reader.next(row)) {
      ++report_.sample_rows;
      if (!group.empty() && key_of(group.front()) != key_of(row)) finish_group(group);
      check_sample_row(row, group, reader.line());
      group.push_back(row);
      last_line_ = reader.line();
    }
    finish_group(group);
  }

  static GroupKey key_of(const SampleRow& row) { return {row.case_name, row.run}; }

  void check_sample_row(const SampleRow& row, const std::vector<SampleRow>& group,
                        std::size_t line) {
    if (row.event != static_cast<std::int64_t>(group.size())) {
      add(samples_file_, line,
          fmt::format(
              "event is {}, expected {} (rows of one case and run stand together, in order)",
              row.event, group.size()));
    }
    if (!group.empty() && row.start_ns < group.back().start_ns) {
      add(samples_file_, line, "start_ns is before that of the event above");
    }
    const std::string_view flag = find_unknown_flag(row.flags);
    if (!flag.empty()) add(samples_file_, line, "unknown flag '" + std::string(flag) + "'");
    if (manifest_ && row.recording != manifest_->recording) {
      add(samples_file_, line, "recording is not the manifest's");
    }
  }

  void finish_group(std::vector<SampleRow>& group) {
    if (group.empty()) return;
    const auto found = groups_.find(key_of(group.front()));
    if (found == groups_.end()) {
      add(samples_file_, last_line_,
          fmt::format("no row of summary.csv for case {} run {}", group.front().case_name,
                      group.front().run));
    } else {
      check_group(found->second, group);
      groups_.erase(found);
    }
    group.clear();
  }

  // What remains must have had no events.
  void check_summaries_without_samples() {
    if (incomplete_) return;
    for (const auto& [key, rows] : groups_) check_group(rows, {});
  }

  void check_group(const std::vector<LocatedRow>& rows, const std::vector<SampleRow>& samples) {
    std::vector<RunValue> run_values;
    for (const LocatedRow& located : rows) {
      const std::optional<Metric> metric = find_metric(located.row.metric);
      if (metric && !is_event_metric(*metric)) {
        run_values.push_back({*metric, located.row.p50.value_or(0)});
      }
    }
    const SummaryRow& identity = rows.front().row;
    std::vector<SummaryRow> expected = summarize_run(identity, samples, run_values);
    for (const LocatedRow& located : rows) compare_row(located, expected);
    for (const SummaryRow& row : expected) {
      add(summary_file_, rows.front().line,
          fmt::format("no row for case {} run {} metric '{}' events {}, which samples.csv has",
                      row.case_name, row.run, row.metric, to_word(row.events)));
    }
    check_violations(rows.front(), samples);
  }

  // Removes the row's counterpart from expected.
  void compare_row(const LocatedRow& located, std::vector<SummaryRow>& expected) {
    const SummaryRow& row = located.row;
    const auto match = std::find_if(expected.begin(), expected.end(), [&](const SummaryRow& other) {
      return other.metric == row.metric && other.events == row.events;
    });
    if (match == expected.end()) {
      add(summary_file_, located.line,
          fmt::format("samples.csv has no values for metric '{}' events {}", row.metric,
                      to_word(row.events)));
      return;
    }
    for (const Column<SummaryRow>& column : summary_columns()) {
      const std::string written = cell_text(column, row);
      const std::string computed = cell_text(column, *match);
      if (!agree(written, computed, column.type)) {
        add(summary_file_, located.line,
            fmt::format("{} is '{}', samples.csv and the rows beside it give '{}'", column.name,
                        written, computed));
      }
    }
    expected.erase(match);
  }

  static bool agree(const std::string& written, const std::string& computed,
                    std::string_view type) {
    if (written == computed) return true;
    double a = 0;
    double b = 0;
    if (type != "number" || !parse_number(written, a) || !parse_number(computed, b)) return false;
    return std::abs(a - b) <= kRelativeTolerance * std::max(std::abs(a), std::abs(b));
  }

  // Checks at the end of a run may add violations that no event saw, so the sum is a lower bound.
  void check_violations(const LocatedRow& located, const std::vector<SampleRow>& samples) {
    std::int64_t seen = 0;
    for (const SampleRow& sample : samples) seen += sample.violations.value_or(0);
    const std::int64_t counted = total_violations(located.row).value_or(0);
    if (counted < seen) {
      add(summary_file_, located.line,
          fmt::format("{} violations, but samples.csv has {}", counted, seen));
    }
  }

  void check_counts() {
    if (!manifest_ || incomplete_) return;
    const auto check = [&](std::string_view field, std::int64_t stated, std::size_t counted) {
      if (stated == static_cast<std::int64_t>(counted)) return;
      add(manifest_file_, 0, fmt::format("{} is {}, the file has {}", field, stated, counted));
    };
    check("summary_rows", manifest_->summary_rows, report_.summary_rows);
    check("sample_rows", manifest_->sample_rows, report_.sample_rows);
  }

  std::filesystem::path folder_;
  std::filesystem::path manifest_file_;
  std::filesystem::path summary_file_;
  std::filesystem::path samples_file_;
  std::optional<Manifest> manifest_;
  std::map<GroupKey, std::vector<LocatedRow>> groups_;
  std::size_t last_line_ = 0;
  bool incomplete_ = false;  // a file could not be read to its end
  ValidationReport report_;
};

}  // namespace

ValidationReport validate_recording(const std::filesystem::path& folder) {
  return Validator(folder).run();
}

}  // namespace notifier::analysis
