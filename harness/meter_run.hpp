// SPDX-License-Identifier: MIT
// Injects known holds into a running workload, inside a worker.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/case_run.hpp"
#include "harness/meter.hpp"
#include "harness/worker_protocol.hpp"

namespace notifier {

struct MeterRun {
  std::vector<MeterPoint> points;     // one per hold and method
  std::vector<std::string> refusals;  // methods that were left out, and why
};

/// `request` names the memory to run on.
MeterRun run_meter(const CaseRequest& request, bool long_form, DriverEventListener* driver_events,
                   const DeviceInfo& device, const std::function<void(const std::string&)>& phase);

}  // namespace notifier
