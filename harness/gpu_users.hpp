// SPDX-License-Identifier: MIT
// Who else uses the GPUs. A second process spoils the numbers (on gfx9 and gfx10 an eviction unmaps
// the queues of every process, kfd_facts §0.21), and a benchmark that hangs the GPU takes a
// display with it.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "system_view.hpp"

namespace notifier {

enum class GpuUserKind {
  kComputeProcess,  // has KFD open: /sys/class/kfd/kfd/proc/<pid>
  kDrmClient,       // has a render or primary node open: /proc/<pid>/fdinfo
  kDisplay,         // a connector with something connected to it
};

std::string_view to_string(GpuUserKind kind);

struct GpuUser {
  GpuUserKind kind = GpuUserKind::kComputeProcess;
  long long pid = 0;    // 0 for displays
  std::string command;  // empty where /proc/<pid> is not ours to see
  std::string device;   // PCI slot, or the connector
};

struct GpuUsers {
  std::vector<GpuUser> users;
  std::size_t unreadable_processes = 0;  // whose descriptors we may not look at
};

/// This process and those in `own_pids` are left out.
GpuUsers find_gpu_users(const SystemView& view, std::span<const long long> own_pids = {});

/// A tenth of a second.
void pause_for_gpu_users();

/// The same once processes that have ended are gone: KFD takes down a process in deferred work
/// (kfd_process_wq_release), so the last run may still be listed when the next begins. While an
/// entry belongs to no process that is visible here, `pause` is called and looked again, 20 times
/// at the most (in a container every process is invisible).
GpuUsers find_gpu_users_at_rest(const SystemView& view,
                                const std::function<void()>& pause = pause_for_gpu_users);
/// One sentence that says why a run should not start, or nothing if nobody else is there.
std::optional<std::string> sharing_refusal(const GpuUsers& found);

nlohmann::json to_json(const GpuUsers& found);

}  // namespace notifier
