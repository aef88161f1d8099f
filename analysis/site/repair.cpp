// SPDX-License-Identifier: MIT
#include "analysis/site/repair.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "analysis/files.hpp"
#include "analysis/manifest.hpp"
#include "analysis/schema.hpp"
#include "analysis/site/encode.hpp"
#include "analysis/summary.hpp"

namespace notifier::site {
namespace {

namespace fs = std::filesystem;
using analysis::InputError;
using analysis::SampleRow;
using analysis::SummaryRow;

using RunKey = std::pair<std::string, std::int64_t>;

template <typename Row>
struct ReadRows {
  std::vector<Row> rows;
  std::size_t dropped = 0;
};

// Rows up to the first defect. The last row counts only with its line's end.
template <typename Row>
ReadRows<Row> read_rows(std::span<const analysis::Column<Row>> columns, const fs::path& file) {
  std::string text = analysis::read_text_file(file);
  ReadRows<Row> result;
  const std::size_t end = text.rfind('\n');
  if (end == std::string::npos) throw InputError(file.string(), 0, 0, "empty: no header line");
  if (end + 1 != text.size()) ++result.dropped;
  text.resize(end + 1);
  std::istringstream in(text);
  analysis::RowReader<Row> reader(columns, in, file.string());
  try {
    Row row;
    while (reader.next(row)) result.rows.push_back(row);
  } catch (const InputError&) {
    ++result.dropped;
  }
  return result;
}

RunKey key_of(const SummaryRow& row) { return {row.case_name, row.run}; }
RunKey key_of(const SampleRow& row) { return {row.case_name, row.run}; }

// Samples are stored before the summary, but after a power failure either file may be the shorter.
// A run is whole when its rows are those that follow from its samples, and what runs have besides.
bool is_whole(std::span<const SummaryRow> group, const std::vector<SampleRow>& samples) {
  const auto is_of_events = [](const SummaryRow& row) {
    const auto metric = analysis::find_metric(row.metric);
    return metric && analysis::is_event_metric(*metric);
  };
  std::vector<SummaryRow> expected = analysis::summarize_run(group.front(), samples);
  std::erase_if(expected, [&](const SummaryRow& row) { return !is_of_events(row); });
  if (std::count_if(group.begin(), group.end(), is_of_events) != std::ssize(expected)) return false;
  return std::all_of(expected.begin(), expected.end(), [&](const SummaryRow& row) {
    return std::any_of(group.begin(), group.end(), [&](const SummaryRow& other) {
      return other.metric == row.metric && other.events == row.events && other.n == row.n &&
             other.p50 == row.p50;
    });
  });
}

void replace_file(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".new";
  write_file(fresh, text);
  const int descriptor = open(fresh.c_str(), O_WRONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  if (descriptor >= 0) close(descriptor);
  if (!synced) throw std::runtime_error("cannot write " + fresh.string());
  fs::rename(fresh, file);
}

template <typename Row, typename WriteAll>
void replace_rows(const fs::path& file, const std::vector<Row>& rows, WriteAll write_all) {
  std::ostringstream out;
  write_all(out, std::span<const Row>(rows));
  replace_file(file, out.str());
}

void store_counts(const fs::path& folder, const analysis::Manifest& manifest, std::size_t summary,
                  std::size_t samples) {
  nlohmann::json document = manifest.document;
  document["summary_rows"] = summary;
  document["sample_rows"] = samples;
  document["interrupted"] = true;
  replace_file(folder / "manifest.json",
               document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

RepairReport repair_recording(const fs::path& folder) {
  RepairReport report;
  const analysis::Manifest manifest = analysis::read_manifest(folder / "manifest.json");
  if (manifest.document.contains("finished_utc")) return report;
  auto summary = read_rows(analysis::summary_columns(), folder / "summary.csv");
  auto samples = read_rows(analysis::sample_columns(), folder / "samples.csv");
  std::map<RunKey, std::vector<SampleRow>> by_run;
  for (const SampleRow& row : samples.rows) by_run[key_of(row)].push_back(row);

  std::vector<SummaryRow> kept;
  std::set<RunKey> runs;
  for (std::size_t begin = 0; begin < summary.rows.size();) {
    std::size_t end = begin + 1;
    while (end < summary.rows.size() && key_of(summary.rows[end]) == key_of(summary.rows[begin])) {
      ++end;
    }
    const auto group = std::span<const SummaryRow>(summary.rows).subspan(begin, end - begin);
    if (is_whole(group, by_run[key_of(group.front())])) {
      kept.insert(kept.end(), group.begin(), group.end());
      runs.insert(key_of(group.front()));
    }
    begin = end;
  }
  std::vector<SampleRow> kept_samples;
  for (const SampleRow& row : samples.rows) {
    if (runs.contains(key_of(row))) kept_samples.push_back(row);
  }
  report.runs_kept = runs.size();
  report.summary_rows_dropped = summary.dropped + summary.rows.size() - kept.size();
  report.sample_rows_dropped = samples.dropped + samples.rows.size() - kept_samples.size();
  report.changed = true;
  if (report.sample_rows_dropped > 0) {
    replace_rows(folder / "samples.csv", kept_samples, analysis::write_samples);
  }
  if (report.summary_rows_dropped > 0) {
    replace_rows(folder / "summary.csv", kept, analysis::write_summary);
  }
  store_counts(folder, manifest, kept.size(), kept_samples.size());
  return report;
}

}  // namespace notifier::site
