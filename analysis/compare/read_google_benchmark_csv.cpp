// SPDX-License-Identifier: MIT
#include <array>
#include <set>

#include "analysis/compare/google_benchmark_runs.hpp"
#include "analysis/compare/read_google_benchmark.hpp"

namespace notifier::analysis {
namespace {

// Google Benchmark 1.7.1's csv_reporter.cc writes these, then one column per user counter.
constexpr std::array<std::string_view, 8> kKnownColumns = {
    "name",      "iterations", "real_time",      "cpu_time",
    "time_unit", "label",      "error_occurred", "error_message",
};
constexpr std::array<std::string_view, 4> kAggregates = {"_mean", "_median", "_stddev", "_cv"};

using Fields = std::vector<std::string_view>;

struct Line {
  std::vector<std::string> cells;
  std::size_t line = 0;
};

class CsvLoader {
 public:
  CsvLoader(std::istream& in, const std::string& file_name)
      : csv_(in, file_name), runs_(file_name) {}

  RunSet load() {
    read_header();
    std::vector<Line> lines;
    std::set<std::string> names;
    while (const Fields* fields = csv_.next()) {
      const bool has_failed = cell(*fields, "error_occurred") == "true";
      // Lines of failed benchmarks have no cells for counters.
      if (fields->size() != header_.size() && !(has_failed && fields->size() < header_.size())) {
        csv_.fail(fields->size() - 1, "the line has " + std::to_string(fields->size()) +
                                          " fields, the header " + std::to_string(header_.size()));
      }
      lines.push_back({{fields->begin(), fields->end()}, csv_.line()});
      names.insert(lines.back().cells.front());
    }
    for (const Line& line : lines) {
      if (!is_aggregate(line.cells.front(), names)) add(line);
    }
    return runs_.take();
  }

 private:
  // The lines above the header are the context, as printed for people.
  void read_header() {
    while (const Fields* fields = csv_.next()) {
      if (fields->size() < 5 || fields->front() != "name" || (*fields)[1] != "iterations") continue;
      header_.assign(fields->begin(), fields->end());
      return;
    }
    throw InputError(csv_.file_name(), 0, 0, "no header line 'name,iterations,...'");
  }

  // CSV has no run type. An aggregate's name is that of its benchmark with a suffix.
  static bool is_aggregate(const std::string& name, const std::set<std::string>& names) {
    for (const std::string_view suffix : kAggregates) {
      if (name.ends_with(suffix) && names.contains(name.substr(0, name.size() - suffix.size()))) {
        return true;
      }
    }
    return false;
  }

  template <typename Cells>
  std::string_view cell(const Cells& cells, std::string_view column) const {
    for (std::size_t i = 0; i < header_.size() && i < cells.size(); ++i) {
      if (header_[i] == column) return cells[i];
    }
    return {};
  }

  double number(const Line& line, std::size_t column) const {
    double value = 0;
    if (parse_number(line.cells[column], value)) return value;
    throw InputError(
        csv_.file_name(), line.line, column + 1,
        header_[column] + ": '" + line.cells[column].substr(0, 40) + "' is not of type number");
  }

  void add(const Line& line) {
    if (line.cells.front().empty()) {
      throw InputError(csv_.file_name(), line.line, 1, "name is empty");
    }
    CaseRun& run = runs_.add_run(line.cells.front());
    if (cell(line.cells, "error_occurred") == "true") {
      run.identity.status = Status::kFailed;
      run.identity.reason = cell(line.cells, "error_message");
      return;
    }
    const auto factor = GoogleBenchmarkRuns::nanoseconds_per(cell(line.cells, "time_unit"));
    for (std::size_t i = 0; i < header_.size(); ++i) {
      const std::string& name = header_[i];
      if (line.cells[i].empty()) continue;
      if (name == "real_time" || name == "cpu_time") {
        if (!factor) throw InputError(csv_.file_name(), line.line, 0, "unknown time_unit");
        const double value = number(line, i);
        if (value < 0) throw InputError(csv_.file_name(), line.line, i + 1, "a negative time");
        GoogleBenchmarkRuns::add_time(run, name, value * *factor);
      } else if (std::find(kKnownColumns.begin(), kKnownColumns.end(), name) ==
                 kKnownColumns.end()) {
        GoogleBenchmarkRuns::add_counter(run, name, number(line, i));
      }
    }
  }

  CsvReader csv_;
  GoogleBenchmarkRuns runs_;
  std::vector<std::string> header_;
};

}  // namespace

RunSet read_google_benchmark_csv(std::istream& in, const std::string& file_name) {
  return CsvLoader(in, file_name).load();
}

}  // namespace notifier::analysis
