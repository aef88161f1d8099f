// SPDX-License-Identifier: MIT
// One results folder: <results>/<machine>/<UTC time>_<platform>/{manifest.json, summary.csv,
// samples.csv}. Rows are on disk as soon as a run is over; a full disk costs at most the run that
// did not fit.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>

#include "analysis/schema.hpp"
#include "harness/file_descriptor.hpp"

namespace notifier {

/// Results could not be written: which file, why, what to do.
class ResultsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file that only ever holds whole appended blocks.
class AppendedFile {
 public:
  explicit AppendedFile(std::filesystem::path path);
  /// Writes all of `block` or leaves the file as it was and throws ResultsError.
  void append(const std::string& block);

 private:
  std::filesystem::path path_;
  FileDescriptor descriptor_;
  off_t size_bytes_ = 0;
};

class Recording {
 public:
  /// Creates the folder and its files. `manifest` must hold machine, platform and environment; the
  /// recording's own fields are added. Throws ResultsError.
  Recording(const std::filesystem::path& results, nlohmann::json manifest);

  const std::filesystem::path& folder() const { return folder_; }
  const std::string& name() const { return name_; }
  const std::string& started_utc() const { return started_utc_; }

  /// Appends one run of one case. Throws ResultsError.
  void add(std::span<const analysis::SummaryRow> summary,
           std::span<const analysis::SampleRow> samples);
  /// Merges `changes` into the manifest and writes it. Throws ResultsError.
  void write_manifest(const nlohmann::json& changes);

 private:
  nlohmann::json manifest_;
  std::string name_;
  std::string started_utc_;
  std::filesystem::path folder_;
  std::unique_ptr<AppendedFile> summary_;
  std::unique_ptr<AppendedFile> samples_;
  std::int64_t summary_rows_ = 0;
  std::int64_t sample_rows_ = 0;
};

/// Now as "2026-11-22T17:05:09Z"; with `for_file_name` as "20261122T170509Z".
std::string utc_now(bool for_file_name = false);

}  // namespace notifier
