// SPDX-License-Identifier: MIT
// What the families of finite jobs (drain_cases, graphics_cases) have in common: sizes and lengths,
// the names of a row, the order of events, and what a call found of the job that it caught.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"
#include "analysis/summary.hpp"

namespace notifier {

inline constexpr std::array<std::uint64_t, 3> kFiniteJobSizes{64 << 10, 4 << 20, 64 << 20};
inline constexpr std::array<std::uint64_t, 3> kFiniteJobLengthsNs{1'000'000, 5'000'000, 20'000'000};

/// What tells one case from another.
struct FiniteJobNames {
  std::string_view memory;
  std::string_view perturbation;
  std::string_view recovery;
  std::uint64_t size_bytes = 0;
  std::uint64_t job_ns = 0;

  /// "userptr/anon/dontneed/default/wait_for_jobs/job_5ms/4MiB".
  std::string case_name() const;
  /// A row that is filled as far as these names go.
  analysis::SummaryRow row(int case_version) const;
};

/// One run of one case.
struct FiniteJobRun {
  std::uint32_t events = 0;
  std::uint32_t run = 0;
  std::uint64_t seed = 0;
  std::int64_t recording_start_ns = 0;
  std::chrono::milliseconds time_limit{120'000};
};

struct FiniteJobResult {
  analysis::SummaryRow identity;
  std::vector<analysis::SampleRow> samples;
  std::vector<analysis::RunValue> run_values;
};

/// Calls `measure` until it has made as many events as the run wants, with a sham after each four,
/// or until the time is over, which then is the row's reason.
void for_each_event(const FiniteJobRun& run, analysis::SummaryRow& row,
                    const std::function<void(std::int64_t number, bool is_sham)>& measure);

/// Where the jobs were when the call returned, of those that ran when it was made.
struct CaughtJobs {
  std::uint32_t ended = 0;
  std::uint32_t running = 0;

  void add(bool ran_before, bool ended_at_return);
  /// One of the three words; empty when no job was caught.
  std::string_view describe(std::string_view all_ended, std::string_view all_running,
                            std::string_view mixed) const;
};

}  // namespace notifier
