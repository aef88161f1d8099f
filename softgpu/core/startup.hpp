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

/// For a device whose page tables the kernel keeps: forked children have no device there either.
std::string start_without_notifier();

/// True in a process that was forked from one with a device.
bool in_forked_child();

}  // namespace softgpu
