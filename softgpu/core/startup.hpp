// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "softgpu/core/settings.hpp"

namespace softgpu {

class Device;

/// Why this process cannot have a device; empty when it can. To be called before any thread of the
/// device exists.
std::string check_process(const Settings& settings);

/// Starts the notifier for the calling thread and all threads that it starts from now on. Empty on
/// success, else why not.
std::string start_notifier(Device& device);

/// True in a process that was forked from one with a device.
bool in_forked_child();

}  // namespace softgpu
