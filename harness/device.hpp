// SPDX-License-Identifier: MIT
// Finds the device to measure, through HIP and hsakmt only.
#pragma once

#include <string>

#include "harness/worker_protocol.hpp"

namespace notifier {

/// Opens a device of HIP, which becomes the calling thread's, and its node in hsakmt's topology.
/// Throws std::runtime_error with what is missing and what to do.
DeviceInfo open_device(int ordinal = 0);

/// The calls that may be made beside work that ends by itself, as the software GPU takes them
/// (SOFTGPU_ALLOWED_CALLS): besides those beside a kernel without end also some that wait for it.
inline constexpr const char* kAllowedCallsVariable = "SOFTGPU_ALLOWED_CALLS";
std::string calls_beside_finite_work();

/// Why the open device cannot recover in the wanted way; empty when it can, as far as is known.
std::string recovery_obstacle(Recovery wanted);

}  // namespace notifier
