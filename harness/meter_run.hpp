// SPDX-License-Identifier: MIT
// Injects known holds into a running workload, inside a worker.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/case_run.hpp"
#include "harness/meter.hpp"

namespace notifier {

/// One point per hold and method. `request` names the memory to run on.
std::vector<MeterPoint> run_meter(const CaseRequest& request, bool long_form,
                                  DriverEventListener* driver_events, std::uint32_t node_id,
                                  const std::function<void(const std::string&)>& phase);

}  // namespace notifier
