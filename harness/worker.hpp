// SPDX-License-Identifier: MIT
// The worker process: owns the device, runs one case after another as the parent asks.
#pragma once

namespace notifier {

/// A worker with this variable in its environment listens to no driver events.
inline constexpr const char* kNoDriverEventsVariable = "NOTIFIER_NO_DRIVER_EVENTS";

/// A worker with this variable never calls HIP: the controls without a device.
inline constexpr const char* kWithoutDeviceVariable = "NOTIFIER_WITHOUT_DEVICE";

/// Whether this process was started as a worker.
bool is_worker();

/// Serves requests until the parent closes the socket. Returns the exit code.
int worker_main();

}  // namespace notifier
