// SPDX-License-Identifier: MIT
#include "tests/analysis_site/synthetic_results.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "analysis/random.hpp"
#include "analysis/summary.hpp"
#include "tests/analysis_site/series_generator.hpp"

namespace notifier::site {
namespace {

namespace fs = std::filesystem;
using analysis::Metric;
using analysis::Random;
using analysis::SampleRow;
using analysis::SummaryRow;

constexpr std::array kPerturbations = {
    "fork_exit", "munmap_middle", "mremap_move", "dontneed",    "mprotect_ro_rw",
    "pageout",   "map_fixed",     "sham",        "posix_spawn", "fork_child_write"};
constexpr std::array kMemories = {"userptr", "managed", "host", "vram", "system"};
constexpr std::int64_t kFirstNight = 1'479'780'000;  // 2016-11-22T02:00:00Z
constexpr std::int64_t kDay = 86'400;

std::string time_text(std::int64_t epoch, const char* format) {
  const std::time_t time = epoch;
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string size_name(std::int64_t bytes) {
  if (bytes >= (1 << 20)) return fmt::format("{}MiB", bytes >> 20);
  return fmt::format("{}KiB", bytes >> 10);
}

// The nights since the driver changed last; every 400 nights it does.
std::size_t driver_number(std::size_t night) { return night / 400; }

class Generator {
 public:
  explicit Generator(const SyntheticOptions& options) : options_(options) {
    for (std::size_t i = 0; i < options.cases; ++i) {
      const std::int64_t bytes = std::int64_t{64} << (10 + 2 * (i % 5));
      const char* memory = kMemories[i / 50 % kMemories.size()];
      const char* perturbation = kPerturbations[i / 5 % kPerturbations.size()];
      SummaryRow row;
      row.memory = memory;
      row.backing = "anon";
      row.perturbation = perturbation;
      row.policy = i / 250 % 2 == 0 ? "default" : "dontfork";
      row.recovery = "preempt";
      row.context = i >= 500 ? fmt::format("small{}", i / 500) : "small";
      row.size_bytes = bytes;
      row.waves = 1;
      row.case_name = fmt::format("{}/anon/{}/{}/preempt/{}/{}", memory, perturbation, row.policy,
                                  row.context, size_name(bytes));
      cases_.push_back(row);
    }
  }

  void write(const fs::path& results, std::size_t machine) const {
    Random random(options_.seed * 1000 + machine);
    std::vector<double> levels;
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      const auto size = static_cast<double>(*cases_[i].size_bytes);
      levels.push_back(20'000 * std::pow(size / 65'536, 0.3) * (1 + random.uniform()));
    }
    const std::string name = fmt::format("synthetic-{:02}", machine + 1);
    for (std::size_t night = 0; night < options_.nights; ++night) {
      if (night > 0 && random.uniform() < 0.02) continue;  // the machine was away
      step_levels(levels, night, random);
      write_night(results / name, name, night, levels, random);
    }
  }

 private:
  void step_levels(std::vector<double>& levels, std::size_t night, Random& random) const {
    const bool driver_came = night > 0 && driver_number(night) != driver_number(night - 1);
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const double direction = driver_number(night) % 3 == 0 ? 0.9 : 1.08;
      if (driver_came && i % 10 < 5) levels[i] *= direction;
      if (random.uniform() < 0.0005) levels[i] *= random.below(2) == 0 ? 1.12 : 0.9;
    }
  }

  void write_night(const fs::path& folder, const std::string& machine, std::size_t night,
                   const std::vector<double>& levels, Random& random) const {
    const std::int64_t epoch = kFirstNight + static_cast<std::int64_t>(night) * kDay;
    const std::string recording = time_text(epoch, "%Y%m%dT%H%M%SZ_software");
    fs::create_directories(folder / recording);
    SummaryRow common;
    common.recording = recording;
    common.machine = machine;
    common.platform = "software";
    common.device = "synthetic GPU";
    common.boot_id = fmt::format("boot-{}", night / 30);
    common.kernel_release = fmt::format("6.{}.0-synthetic", 1 + night / 250);
    common.started_utc = time_text(epoch, "%Y-%m-%dT%H:%M:%SZ");
    std::vector<SummaryRow> rows;
    std::vector<SampleRow> samples;
    const bool sampled = options_.events > 0 && night + options_.sampled_nights >= options_.nights;
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      for (std::size_t run = 0; run < options_.runs; ++run) {
        const double value = night_value(levels[i], random);
        SummaryRow row = identity(common, i, run, night);
        if (row.status != analysis::Status::kOk) {
          rows.push_back(row);
        } else if (sampled) {
          add_sampled(row, value, random, rows, samples);
        } else {
          rows.push_back(plain_row(row, value));
        }
      }
    }
    write_files(folder / recording, common, night, rows, samples, sampled);
  }

  static double night_value(double level, Random& random) {
    double value = level * std::exp(0.02 * analysis::normal(random));
    if (random.uniform() < 0.02) value *= 1.2 + 2 * random.uniform();
    return std::round(value);
  }

  SummaryRow identity(const SummaryRow& common, std::size_t index, std::size_t run,
                      std::size_t night) const {
    SummaryRow row = cases_[index];
    row.recording = common.recording;
    row.machine = common.machine;
    row.platform = common.platform;
    row.device = common.device;
    row.boot_id = common.boot_id;
    row.kernel_release = common.kernel_release;
    row.started_utc = common.started_utc;
    row.run = static_cast<std::int64_t>(run);
    row.words_checked = 1'000'000;
    row.violations_stale = index == 3 && night + 1 == options_.nights ? 2 : 0;
    row.violations_torn = row.violations_lost = row.violations_foreign = row.violations_zero = 0;
    if (index % 50 == 49) {
      row.status = analysis::Status::kSkipped;
      row.reason = "this synthetic machine has no device for it";
    }
    if (index % 50 == 48 && night % 40 > 35) {
      row.status = analysis::Status::kFailed;
      row.reason = "worker ended with signal 9";
    }
    return row;
  }

  static SummaryRow plain_row(SummaryRow row, double value) {
    row.metric = "stall_ns";
    row.unit = "ns";
    row.better = analysis::Better::kLower;
    row.headline = analysis::YesNo::kYes;
    row.n = 400;
    row.min = std::round(value * 0.9);
    row.p10 = std::round(value * 0.95);
    row.p50 = value;
    row.p90 = std::round(value * 1.15);
    row.p99 = std::round(value * 1.6);
    row.max = std::round(value * 2.5);
    return row;
  }

  void add_sampled(const SummaryRow& row, double value, Random& random,
                   std::vector<SummaryRow>& rows, std::vector<SampleRow>& samples) const {
    std::vector<SampleRow> events(options_.events);
    for (std::size_t i = 0; i < events.size(); ++i) {
      SampleRow& sample = events[i];
      sample.recording = row.recording;
      sample.case_name = row.case_name;
      sample.run = row.run;
      sample.event = static_cast<std::int64_t>(i);
      sample.start_ns = static_cast<std::int64_t>(i) * 5'000'000;
      const bool sham = i % 5 == 4;
      sample.kind = sham ? analysis::EventKind::kSham : analysis::EventKind::kEvent;
      const double noise = std::exp(0.15 * analysis::normal(random));
      const double stall = std::round((sham ? 900 : value) * noise);
      sample[Metric::kStall] = stall;
      sample[Metric::kSyscall] = std::round(stall * 0.4);
      if (!sham) {
        sample[Metric::kCallToEvict] = std::round(stall * 0.1);
        sample[Metric::kEvictToStop] = std::round(stall * 0.2);
        sample[Metric::kStopToRestore] = std::round(stall * 0.5);
        sample[Metric::kRestoreToProgress] = std::round(stall * 0.2);
        sample.evictions = 1;
      }
    }
    const std::vector<SummaryRow> summary = analysis::summarize_run(row, events);
    rows.insert(rows.end(), summary.begin(), summary.end());
    samples.insert(samples.end(), events.begin(), events.end());
  }

  void write_files(const fs::path& folder, const SummaryRow& common, std::size_t night,
                   const std::vector<SummaryRow>& rows, const std::vector<SampleRow>& samples,
                   bool sampled) const {
    std::ofstream summary(folder / "summary.csv", std::ios::binary);
    analysis::write_summary(summary, rows);
    if (sampled) {
      std::ofstream file(folder / "samples.csv", std::ios::binary);
      analysis::write_samples(file, samples);
    }
    nlohmann::json manifest = {
        {"schema_version", analysis::kSchemaVersion},
        {"recording", common.recording},
        {"machine", common.machine},
        {"platform", common.platform},
        {"started_utc", common.started_utc},
        {"interrupted", false},
        {"summary_rows", rows.size()},
        {"sample_rows", samples.size()},
        {"seed", options_.seed},
        {"command", {"none: synthetic data, no machine ran this"}},
        {"suite", {{"synthetic", true}, {"version", "synthetic"}}},
        {"environment",
         {{"kernel", {{"release", common.kernel_release}}},
          {"driver", {{"version", fmt::format("6.{}", driver_number(night))}}},
          {"gpu", {{"firmware", {{"mec", fmt::format("{}", 100 + night / 900)}}}}},
          {"cpu",
           {{"governor", "performance"}, {"temperature", fmt::format("{}", night * 7 % 20)}}},
          {"boot_id", common.boot_id}}}};
    std::ofstream file(folder / "manifest.json", std::ios::binary);
    file << manifest.dump(2) << "\n";
  }

  SyntheticOptions options_;
  std::vector<SummaryRow> cases_;
};

}  // namespace

void write_synthetic_results(const fs::path& results, const SyntheticOptions& options) {
  const Generator generator(options);
  for (std::size_t machine = 0; machine < options.machines; ++machine) {
    generator.write(results, machine);
  }
}

}  // namespace notifier::site
