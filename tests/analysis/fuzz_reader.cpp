// SPDX-License-Identifier: MIT
// libFuzzer target for everything that notifier_compare and notifier_validate read. The first byte
// chooses the reader; a zero byte separates the files of a recording. Readers may only throw
// InputError.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/read_google_benchmark.hpp"
#include "analysis/compare/read_recording.hpp"
#include "analysis/csv.hpp"
#include "analysis/manifest.hpp"

namespace {

using namespace notifier::analysis;

void require(bool condition) {
  if (!condition) std::abort();
}

// What a reader took must come back from the writer.
void read_csv(const std::string& text) {
  std::istringstream in(text);
  CsvReader reader(in, "fuzz");
  while (const auto* fields = reader.next()) {
    const std::vector<std::string> cells(fields->begin(), fields->end());
    if (cells.size() == 1 && cells.front().empty()) continue;  // written, it is an empty line
    std::stringstream written;
    CsvWriter writer(written);
    writer.text("first line, since a byte order mark at a file's start is no text").end_row();
    for (const std::string& cell : cells) writer.text(cell);
    writer.end_row();
    CsvReader again(written, "again");
    again.next();
    const auto* back = again.next();
    require(back != nullptr && std::vector<std::string>(back->begin(), back->end()) == cells);
  }
}

void compare_with_itself(const RunSet& runs) {
  if (runs.runs.empty() || runs.runs.size() > 50) return;
  CompareOptions options;
  options.force = true;
  options.resamples = 100;
  const Comparison comparison = compare(runs, runs, {}, options);
  for (const Row& row : comparison.rows) require(row.verdict != Verdict::kWorse);
}

void read_recording(const std::string& text) {
  const std::size_t end = std::min(text.find('\0'), text.size());
  RunSet runs;
  std::istringstream summary(text.substr(0, end));
  read_summary_runs(summary, "summary", EventSet::kUnflagged, runs);
  if (end < text.size()) {
    std::istringstream samples(text.substr(end + 1));
    read_sample_events(samples, "samples", EventSet::kAll, runs);
  }
  compare_with_itself(runs);
}

void read_google_csv(const std::string& text) {
  std::istringstream in(text);
  compare_with_itself(read_google_benchmark_csv(in, "fuzz"));
}

void read_google_json(const std::string& text) {
  compare_with_itself(read_google_benchmark_json(text, "fuzz"));
}

void read_manifest_text(const std::string& text) { parse_manifest(text, "fuzz"); }

constexpr std::array kReaders = {&read_csv, &read_recording, &read_google_csv, &read_google_json,
                                 &read_manifest_text};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    kReaders[data[0] % kReaders.size()](text);
  } catch (const InputError&) {
    return 0;
  }
  return 0;
}
