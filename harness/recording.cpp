// SPDX-License-Identifier: MIT
#include "harness/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <system_error>

namespace notifier {
namespace {

namespace fs = std::filesystem;

// Room for the manifest to grow in place when the disk has become full (trailing blanks are JSON).
constexpr std::size_t kManifestRoomBytes = 64 << 10;

[[noreturn]] void fail(const fs::path& path, const char* action, int error) {
  throw ResultsError(fmt::format("cannot {} {}: {}. Use --results to name another directory.",
                                 action, path.string(), std::strerror(error)));
}

void write_all(int descriptor, const std::string& text, const fs::path& path) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(path, "write", count < 0 ? errno : ENOSPC);
    written += static_cast<std::size_t>(count);
  }
}

/// A folder of this start time; a second recording in the same second gets a suffix.
fs::path create_folder(const fs::path& parent, const std::string& base, std::string& name) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) fail(parent, "create", error.value());
  for (int suffix = 1;; ++suffix) {
    name = suffix == 1 ? base : fmt::format("{}_{}", base, suffix);
    const fs::path folder = parent / name;
    if (mkdir(folder.c_str(), 0777) == 0) return folder;
    if (errno != EEXIST) fail(folder, "create", errno);
  }
}

template <typename Row, typename WriteRow>
std::string rows_as_text(std::span<const Row> rows, WriteRow write_one) {
  std::ostringstream out;
  analysis::CsvWriter writer(out);
  for (const Row& row : rows) write_one(writer, row);
  return out.str();
}

}  // namespace

std::string utc_now(bool for_file_name) {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text;
  strftime(text.data(), text.size(), for_file_name ? "%Y%m%dT%H%M%SZ" : "%Y-%m-%dT%H:%M:%SZ",
           &parts);
  return text.data();
}

AppendedFile::AppendedFile(fs::path path)
    : path_(std::move(path)),
      descriptor_(open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (!descriptor_.valid()) fail(path_, "create", errno);
}

void AppendedFile::append(const std::string& block) {
  try {
    write_all(descriptor_.get(), block, path_);
  } catch (const ResultsError&) {
    // Half a row would make the file unreadable; what was there before stays valid.
    if (ftruncate(descriptor_.get(), size_bytes_) == 0) {
      lseek(descriptor_.get(), size_bytes_, SEEK_SET);
    }
    throw;
  }
  size_bytes_ += static_cast<off_t>(block.size());
}

Recording::Recording(const fs::path& results, nlohmann::json manifest)
    : manifest_(std::move(manifest)), started_utc_(utc_now()) {
  const std::string machine = manifest_.at("machine");
  const std::string platform = manifest_.at("platform");
  folder_ = create_folder(results / machine, utc_now(true) + "_" + platform, name_);
  summary_ = std::make_unique<AppendedFile>(folder_ / "summary.csv");
  samples_ = std::make_unique<AppendedFile>(folder_ / "samples.csv");
  std::ostringstream summary_header;
  std::ostringstream sample_header;
  analysis::CsvWriter summary_writer(summary_header);
  analysis::CsvWriter sample_writer(sample_header);
  analysis::write_summary_header(summary_writer);
  analysis::write_sample_header(sample_writer);
  summary_->append(summary_header.str());
  samples_->append(sample_header.str());
  manifest_["schema_version"] = analysis::kSchemaVersion;
  manifest_["recording"] = name_;
  manifest_["started_utc"] = started_utc_;
  // Until the end is reached a recording counts as cut short.
  write_manifest({{"interrupted", true}});
}

void Recording::add(std::span<const analysis::SummaryRow> summary,
                    std::span<const analysis::SampleRow> samples) {
  samples_->append(rows_as_text(samples, analysis::write_sample));
  sample_rows_ += static_cast<std::int64_t>(samples.size());
  summary_->append(rows_as_text(summary, analysis::write_summary_row));
  summary_rows_ += static_cast<std::int64_t>(summary.size());
}

void Recording::write_manifest(const nlohmann::json& changes) {
  manifest_.update(changes);
  manifest_["summary_rows"] = summary_rows_;
  manifest_["sample_rows"] = sample_rows_;
  std::string text = manifest_.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (text.size() < kManifestRoomBytes) text.append(kManifestRoomBytes - text.size(), '\n');
  const fs::path path = folder_ / "manifest.json";
  const fs::path fresh = folder_ / "manifest.json.new";
  try {
    FileDescriptor file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file.valid()) fail(fresh, "create", errno);
    write_all(file.get(), text, fresh);
    if (fsync(file.get()) != 0) fail(fresh, "write", errno);
    if (rename(fresh.c_str(), path.c_str()) != 0) fail(path, "replace", errno);
  } catch (const ResultsError&) {
    // No room for a second copy: the first one reserved enough to be overwritten in place.
    unlink(fresh.c_str());
    FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.valid()) throw;
    write_all(file.get(), text, path);
  }
}

}  // namespace notifier
