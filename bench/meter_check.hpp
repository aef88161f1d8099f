// SPDX-License-Identifier: MIT
// The stall meter's validation, short before every suite, long by --validate-meter.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/meter.hpp"
#include "harness/worker_process.hpp"

namespace notifier {

struct MeterCheck {
  std::vector<MeterReport> reports;
  std::vector<std::string> refusals;  // methods that were left out, and why
  std::string failure;                // why there are no reports
  bool reliable() const { return failure.empty() && is_reliable(reports); }
};

MeterCheck check_meter(const WorkloadGrid& grid, std::uint64_t seed, bool long_form);

/// One line per method.
std::string describe(const MeterCheck& check);
nlohmann::json to_json(const MeterCheck& check);

}  // namespace notifier
