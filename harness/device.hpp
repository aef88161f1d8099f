// SPDX-License-Identifier: MIT
// Finds the device to measure, through HIP and hsakmt only.
#pragma once

#include "harness/worker_protocol.hpp"

namespace notifier {

/// Opens device 0 of HIP and its node in hsakmt's topology. Throws std::runtime_error with what is
/// missing and what to do.
DeviceInfo open_device();

/// Why the open device cannot recover in the wanted way; empty when it can, as far as is known.
std::string recovery_obstacle(Recovery wanted);

}  // namespace notifier
