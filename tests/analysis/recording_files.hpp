// SPDX-License-Identifier: MIT
// Writes small recordings with chosen figures.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "temporary_folder.hpp"

namespace notifier::analysis {

struct FakeRecording {
  std::string name = "r";
  std::string machine = "box";
  std::string platform = "software";
  std::string kernel = "6.12.0";
  std::string boot = "boot";
  std::string environment = R"({"kernel": {"release": "6.12.0"}})";
  // Per case the runs' events of stall_ns, in order.
  std::map<std::string, std::vector<std::vector<double>>> cases;
  std::set<std::size_t> flagged_events;  // of every run

  // Not 0: what a bystander's queue paid in each event, as a multiple of the event's stall_ns.
  double bystander_factor = 0;

  SummaryRow identity(const std::string& case_name, std::int64_t run) const;
  std::vector<SampleRow> samples_of(const std::string& case_name, std::int64_t run) const;

  // Returns the recording's folder.
  std::filesystem::path write(const TemporaryFolder& folder) const;
};

// `runs` runs of three equal events each: 1000 ns times the factor, times 1, 1.001, 1.002, ...
std::vector<std::vector<double>> steady_runs(std::size_t runs, double factor);

}  // namespace notifier::analysis
