// SPDX-License-Identifier: MIT
#include "analysis/site/recording_reader.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <limits>
#include <thread>
#include <tuple>

#include "analysis/csv.hpp"
#include "analysis/files.hpp"
#include "analysis/manifest.hpp"

namespace notifier::site {
namespace {

namespace fs = std::filesystem;
using analysis::EventSet;
using analysis::InputError;
using analysis::Status;

constexpr float kUndefined = std::numeric_limits<float>::quiet_NaN();
constexpr char kSeparator = '\x1f';

enum Wanted : std::size_t {
  kDevice,
  kCaseName,
  kCaseVersion,
  kMemory,
  kBacking,
  kPerturbation,
  kPolicy,
  kRecovery,
  kContext,
  kSizeBytes,
  kRun,
  kMetric,
  kUnit,
  kBetter,
  kHeadline,
  kEvents,
  kP10,
  kP50,
  kP90,
  kP99,
  kMax,
  kStatus,
  kReason,
  kFirstViolation,  // seven classes follow
  kWantedCount = kFirstViolation + 7,
};

constexpr std::array<std::string_view, kWantedCount> kColumns = {"device",
                                                                 "case_name",
                                                                 "case_version",
                                                                 "memory",
                                                                 "backing",
                                                                 "perturbation",
                                                                 "policy",
                                                                 "recovery",
                                                                 "context",
                                                                 "size_bytes",
                                                                 "run",
                                                                 "metric",
                                                                 "unit",
                                                                 "better",
                                                                 "headline",
                                                                 "events",
                                                                 "p10",
                                                                 "p50",
                                                                 "p90",
                                                                 "p99",
                                                                 "max",
                                                                 "status",
                                                                 "reason",
                                                                 "violations_stale",
                                                                 "violations_torn",
                                                                 "violations_lost",
                                                                 "violations_foreign",
                                                                 "violations_zero",
                                                                 "violations_protocol",
                                                                 "violations_missed"};

class SummaryReader {
 public:
  SummaryReader(const fs::path& file, KeyTable& keys, RecordingData& data)
      : stream_(analysis::open_input(file)),
        csv_(stream_, file.string()),
        keys_(keys),
        data_(data) {}

  void read() {
    read_header();
    while (const auto* fields = csv_.next()) {
      if (fields->size() != width_) csv_.fail(fields->size() - 1, "wrong number of fields");
      fields_ = fields;
      read_row();
      ++data_.rows;
    }
    if (!csv_.ended_with_newline()) {
      throw InputError(csv_.file_name(), csv_.line(), 0, "truncated: the last line has no end");
    }
  }

 private:
  void read_header() {
    const auto* header = csv_.next();
    if (header == nullptr) throw InputError(csv_.file_name(), 0, 0, "empty: no header line");
    width_ = header->size();
    columns_.fill(width_);
    for (std::size_t i = 0; i < width_; ++i) {
      const auto found = std::find(kColumns.begin(), kColumns.end(), (*header)[i]);
      if (found != kColumns.end()) columns_[static_cast<std::size_t>(found - kColumns.begin())] = i;
    }
    for (const Wanted required : {kCaseName, kCaseVersion, kRun, kStatus, kEvents, kMetric, kP50}) {
      if (columns_[required] == width_) {
        throw InputError(csv_.file_name(), csv_.line(), 0,
                         "wrong header: no column '" + std::string(kColumns[required]) + "'");
      }
    }
  }

  std::string_view cell(std::size_t wanted) const {
    return columns_[wanted] == width_ ? std::string_view{} : (*fields_)[columns_[wanted]];
  }

  std::int64_t integer(std::size_t wanted) const {
    std::int64_t value = 0;
    const std::string_view text = cell(wanted);
    if (!text.empty() && !analysis::parse_number(text, value)) {
      csv_.fail(columns_[wanted], std::string(kColumns[wanted]) + " is not an integer");
    }
    return value;
  }

  float number(std::size_t wanted) const {
    const std::string_view text = cell(wanted);
    if (text.empty()) return kUndefined;
    double value = 0;
    if (!analysis::parse_number(text, value)) {
      csv_.fail(columns_[wanted], std::string(kColumns[wanted]) + " is not a number");
    }
    return static_cast<float>(value);
  }

  template <typename Enum>
  Enum word(std::size_t wanted) const {
    const auto found = analysis::from_word<Enum>(cell(wanted));
    if (!found) csv_.fail(columns_[wanted], std::string(kColumns[wanted]) + ": unknown word");
    return *found;
  }

  void read_row() {
    key_.assign(cell(kDevice)).append(1, kSeparator).append(cell(kCaseName));
    key_.append(1, kSeparator).append(cell(kCaseVersion));
    const std::uint32_t case_key = keys_.case_names.add(key_);
    if (case_key == keys_.cases.size()) keys_.cases.push_back(make_case());
    const auto run =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(integer(kRun), 0, 1 << 20));
    add_outcome(case_key, run);
    const std::string_view metric = cell(kMetric);
    const auto events = word<EventSet>(kEvents);
    if (metric.empty() || events == EventSet::kSham) return;
    key_.append(1, kSeparator).append(metric);
    const std::uint32_t series = keys_.series_names.add(key_);
    if (series == keys_.series.size()) keys_.series.push_back(make_series(case_key));
    add_point(series, run, events);
  }

  CaseKey make_case() const {
    CaseKey made{std::string(cell(kDevice)),  std::string(cell(kCaseName)),
                 integer(kCaseVersion),       std::string(cell(kMemory)),
                 std::string(cell(kBacking)), std::string(cell(kPerturbation)),
                 std::string(cell(kPolicy)),  std::string(cell(kRecovery)),
                 std::string(cell(kContext)), std::nullopt};
    if (!cell(kSizeBytes).empty()) made.size_bytes = integer(kSizeBytes);
    return made;
  }

  SeriesKey make_series(std::uint32_t case_key) const {
    SeriesKey made{case_key, std::string(cell(kMetric)), std::string(cell(kUnit)), {}};
    made.better = analysis::from_word<analysis::Better>(cell(kBetter)).value_or(made.better);
    return made;
  }

  // The rows of one run of one case stand together.
  void add_outcome(std::uint32_t case_key, std::uint32_t run) {
    if (!data_.outcomes.empty() && data_.outcomes.back().case_key == case_key &&
        data_.outcomes.back().run == run) {
      return;
    }
    RunOutcome outcome{case_key, run, word<Status>(kStatus), keys_.reasons.add(cell(kReason)), 0};
    for (std::size_t i = kFirstViolation; i < kWantedCount; ++i) outcome.violations += integer(i);
    data_.outcomes.push_back(outcome);
  }

  void add_point(std::uint32_t series, std::uint32_t run, EventSet events) {
    const RunPoint point{series,       run,          cell(kHeadline) == "yes",
                         number(kP10), number(kP50), number(kP90),
                         number(kP99), number(kMax), number(kP50)};
    if (events == EventSet::kAll) {
      data_.points.push_back(point);
      return;
    }
    for (auto known = data_.points.rbegin(); known != data_.points.rend() && known->run == run;
         ++known) {
      if (known->series != series) continue;
      const float p50_all = known->p50;
      *known = point;
      known->p50_all = p50_all;
      return;
    }
    data_.points.push_back(point);
  }

  std::ifstream stream_;
  analysis::CsvReader csv_;
  KeyTable& keys_;
  RecordingData& data_;
  const std::vector<std::string_view>* fields_ = nullptr;
  std::size_t width_ = 0;
  std::array<std::size_t, kWantedCount> columns_{};
  std::string key_;
};

std::string platform_of_folder(const std::string& name) {
  const std::size_t underscore = name.find('_');
  if (underscore == std::string::npos) return {};
  const std::string rest = name.substr(underscore + 1);
  return rest.substr(0, rest.find('_'));
}

void read_manifest_into(RecordingData& data) {
  const analysis::Manifest manifest = analysis::read_manifest(data.folder / "manifest.json");
  data.machine = manifest.machine;
  data.platform = manifest.platform;
  data.started_utc = manifest.started_utc;
  data.interrupted = manifest.interrupted;
  data.environment = manifest.environment;
  const auto suite = manifest.document.find("suite");
  if (suite != manifest.document.end()) {
    data.synthetic = suite->value("synthetic", false);
  }
}

std::vector<fs::path> find_folders(const fs::path& results) {
  std::vector<fs::path> folders;
  for (const fs::directory_entry& machine : fs::directory_iterator(results)) {
    if (!machine.is_directory()) continue;
    for (const fs::directory_entry& entry : fs::directory_iterator(machine.path())) {
      if (!entry.is_directory()) continue;
      const std::string name = entry.path().filename().string();
      if (name.starts_with('.')) continue;  // a recording that is not complete yet
      if (fs::exists(entry.path() / "summary.csv") || fs::exists(entry.path() / "manifest.json")) {
        folders.push_back(entry.path());
      }
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

auto order_of(const RecordingData& data) {
  return std::tie(data.machine, data.platform, data.started_utc, data.name);
}

}  // namespace

std::uint32_t Names::add(std::string_view name) {
  const auto found = index_.find(name);
  if (found != index_.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(names_.size());
  names_.push_back(&index_.emplace(name, number).first->first);
  return number;
}

RecordingData read_recording(const fs::path& folder, KeyTable& keys) {
  RecordingData data;
  data.folder = folder;
  data.name = folder.filename().string();
  data.machine = folder.parent_path().filename().string();
  data.platform = platform_of_folder(data.name);
  try {
    read_manifest_into(data);
    data.has_samples = analysis::has_samples(folder);
    SummaryReader(folder / "summary.csv", keys, data).read();
  } catch (const std::exception& error) {
    // Where the project lies is nobody's business.
    const std::string prefix = folder.string() + "/";
    data.problem = error.what();
    for (std::size_t at = 0; (at = data.problem.find(prefix)) != std::string::npos;) {
      data.problem.erase(at, prefix.size());
    }
  }
  return data;
}

AllRecordings read_recordings(const fs::path& results) {
  const std::vector<fs::path> folders = find_folders(results);
  AllRecordings all;
  all.recordings.resize(folders.size());
  const std::size_t threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 16);
  all.tables.resize(threads);
  std::atomic<std::size_t> next = 0;
  const auto work = [&](std::size_t table) {
    for (std::size_t i = next++; i < folders.size(); i = next++) {
      all.recordings[i] = read_recording(folders[i], all.tables[table]);
      all.recordings[i].table = table;
    }
  };
  std::vector<std::jthread> helpers;
  for (std::size_t table = 1; table < threads; ++table) helpers.emplace_back(work, table);
  work(0);
  helpers.clear();
  std::sort(
      all.recordings.begin(), all.recordings.end(),
      [](const RecordingData& a, const RecordingData& b) { return order_of(a) < order_of(b); });
  return all;
}

}  // namespace notifier::site
