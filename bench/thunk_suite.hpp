// SPDX-License-Identifier: MIT
// Runs thunk points and stores what they give, in the files of every other recording.
#pragma once

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/recording_identity.hpp"
#include "bench/row_counts.hpp"
#include "bench/thunk_cases.hpp"
#include "harness/machine_health.hpp"
#include "harness/recording.hpp"

namespace notifier {

struct ThunkSuiteOptions {
  std::optional<std::uint32_t> events;
  std::uint32_t runs = 1;
  std::string results = "results";
};

class ThunkSuite {
 public:
  /// Throws ResultsError, as run() does.
  ThunkSuite(const Thunk& thunk, const ThunkSuiteOptions& options, std::uint64_t seed,
             std::vector<std::string> command);

  /// All points once per run, and a line for each. `stop` is asked between points. A machine that
  /// is not what it was ends it, as a failure.
  void run(const std::vector<ThunkPoint>& points, const std::function<bool()>& stop);

  const RowCounts& counts() const { return counts_; }

 private:
  using Group = std::vector<ThunkPoint>;

  std::vector<Group> in_random_order(const std::vector<ThunkPoint>& points);
  void run_group(const Group& points, std::uint32_t run, const std::function<bool()>& stop);
  void store_group(const Group& points, std::uint32_t run, analysis::Status status,
                   const std::string& reason);
  ThunkRequest make_request(const ThunkPoint& point, std::uint32_t run) const;
  void store(ThunkResult result);
  void print_line(const analysis::SummaryRow& row, const std::string& medians);
  void check_health();
  void report() const;

  const Thunk& thunk_;
  ThunkSuiteOptions options_;
  std::mt19937_64 random_;
  MachineHealth health_;
  std::int64_t start_ns_;
  RecordingIdentity identity_;
  std::optional<Recording> recording_;
  RowCounts counts_;
  std::string unsafe_;
  bool header_printed_ = false;
};

}  // namespace notifier
