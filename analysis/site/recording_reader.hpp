// SPDX-License-Identifier: MIT
// Reads what the site needs of one recording, fast: ten years of nights are read anew each time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analysis/metrics.hpp"
#include "analysis/schema.hpp"

namespace notifier::site {

// Names that occur in many rows, once. Not shared between threads.
class Names {
 public:
  std::uint32_t add(std::string_view name);
  const std::string& operator[](std::uint32_t index) const { return *names_[index]; }
  std::size_t size() const { return names_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> index_;
  std::vector<const std::string*> names_;
};

// A case on one device. Size and waves are those of the row it was first seen in.
struct CaseKey {
  std::string device;
  std::string case_name;
  std::int64_t case_version = 1;
  std::string memory;
  std::string backing;
  std::string perturbation;
  std::string policy;
  std::string recovery;
  std::string context;
  std::optional<std::int64_t> size_bytes;
};

struct SeriesKey {
  std::uint32_t case_key = 0;
  std::string metric;
  std::string unit;
  analysis::Better better = analysis::Better::kNone;
};

// What the rows of several recordings refer to by number.
struct KeyTable {
  Names case_names;    // device, case and version in one text
  Names series_names;  // the same and the metric
  Names reasons;
  std::vector<CaseKey> cases;
  std::vector<SeriesKey> series;
};

// One metric of one run. NaN is undefined. The figures are of the unflagged events where the run
// has such a row, else of all events.
struct RunPoint {
  std::uint32_t series = 0;
  std::uint32_t run = 0;
  bool headline = false;
  float p10 = 0;
  float p50 = 0;
  float p90 = 0;
  float p99 = 0;
  float max = 0;
  float p50_all = 0;
};

struct RunOutcome {
  std::uint32_t case_key = 0;
  std::uint32_t run = 0;
  analysis::Status status = analysis::Status::kOk;
  std::uint32_t reason = 0;
  std::int64_t violations = 0;
};

struct RecordingData {
  std::filesystem::path folder;
  std::string machine;
  std::string platform;
  std::string name;
  std::string started_utc;
  bool interrupted = false;
  bool synthetic = false;
  bool has_samples = false;
  std::map<std::string, std::string> environment;
  std::vector<RunPoint> points;
  std::vector<RunOutcome> outcomes;
  std::size_t rows = 0;
  std::size_t table = 0;  // of the key tables of read_recordings()
  std::string problem;    // why it could not be read; the rest is what is known all the same
};

// Never throws for what stands in the files: a recording that cannot be read has a problem.
RecordingData read_recording(const std::filesystem::path& folder, KeyTable& keys);

struct AllRecordings {
  std::vector<RecordingData> recordings;  // by machine, platform, start and name
  std::vector<KeyTable> tables;
};

// Every folder at depth two below `results` with a summary.csv or a manifest.json.
AllRecordings read_recordings(const std::filesystem::path& results);

}  // namespace notifier::site
