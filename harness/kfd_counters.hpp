// SPDX-License-Identifier: MIT
// What KFD counts for a process in sysfs: a witness that shares nothing with events and probes.
#pragma once

#include <sys/types.h>

#include <optional>

#include "system_view.hpp"

namespace notifier {

/// Time that the queues of process `pid` were evicted, over all its GPUs since it opened KFD, in
/// ns: /sys/class/kfd/kfd/proc/PID/stats_GPU/evicted_ms (kfd_process.c kfd_procfs_show()). Empty
/// where there are no such files. Counted in jiffies.
std::optional<double> kfd_evicted_ns(const SystemView& view, pid_t pid);

/// An interval that was counted in jiffies is wrong by less than one, which is 10 ms at HZ=100.
inline constexpr double kLongestJiffy_ns = 10e6;

}  // namespace notifier
