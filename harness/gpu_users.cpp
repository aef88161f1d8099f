// SPDX-License-Identifier: MIT
#include "gpu_users.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <set>

namespace notifier {
namespace {

std::string command_of(const SystemView& view, const std::string& pid) {
  return view.read("/proc/" + pid + "/comm").text.value_or("");
}

bool is_own(long long pid, std::span<const long long> own_pids) {
  return pid == getpid() || std::find(own_pids.begin(), own_pids.end(), pid) != own_pids.end();
}

void add_compute_processes(const SystemView& view, std::span<const long long> own_pids,
                           GpuUsers& found) {
  for (const std::string& name : view.list("/sys/class/kfd/kfd/proc")) {
    const auto pid = parse_integer(name);
    if (!pid || is_own(*pid, own_pids)) continue;
    found.users.push_back({.kind = GpuUserKind::kComputeProcess,
                           .pid = *pid,
                           .command = command_of(view, name),
                           .device = "kfd"});
  }
}

// Documentation/gpu/drm-usage-stats.rst: keys drm-driver, drm-client-id, drm-pdev.
void add_drm_clients(const SystemView& view, std::span<const long long> own_pids, GpuUsers& found) {
  std::set<std::pair<std::string, std::string>> clients;  // a client may have several descriptors
  for (const std::string& name : view.list("/proc")) {
    const auto pid = parse_integer(name);
    if (!pid || is_own(*pid, own_pids)) continue;
    const std::string folder = "/proc/" + name + "/fdinfo";
    const std::vector<std::string> descriptors = view.list(folder);
    // Every process has descriptors, and a kernel thread none but an empty folder.
    if (descriptors.empty() && view.exists("/proc/" + name + "/exe")) ++found.unreadable_processes;
    for (const std::string& descriptor : descriptors) {
      const SystemView::Text text = view.read(folder + "/" + descriptor);
      if (!text.text || value_of_key(*text.text, "drm-driver") != "amdgpu") continue;
      const std::string device = value_of_key(*text.text, "drm-pdev").value_or("unknown device");
      const std::string client = value_of_key(*text.text, "drm-client-id").value_or(descriptor);
      if (!clients.emplace(device, client).second) continue;
      found.users.push_back({.kind = GpuUserKind::kDrmClient,
                             .pid = *pid,
                             .command = command_of(view, name),
                             .device = device});
    }
  }
}

void add_displays(const SystemView& view, GpuUsers& found) {
  for (const std::string& name : view.list("/sys/class/drm")) {
    const std::size_t dash = name.find('-');
    if (!name.starts_with("card") || dash == std::string::npos) continue;  // card0-DP-1
    const std::string device = "/sys/class/drm/" + name.substr(0, dash) + "/device/uevent";
    const std::string uevent = view.read(device).text.value_or("");
    if (value_of_key(uevent, "DRIVER", '=') != "amdgpu") continue;
    if (view.read("/sys/class/drm/" + name + "/status").text != "connected") continue;
    found.users.push_back({.kind = GpuUserKind::kDisplay, .pid = 0, .command = {}, .device = name});
  }
}

}  // namespace

std::string_view to_string(GpuUserKind kind) {
  switch (kind) {
    case GpuUserKind::kComputeProcess:
      return "compute process";
    case GpuUserKind::kDrmClient:
      return "DRM client";
    case GpuUserKind::kDisplay:
      return "display";
  }
  return "";
}

GpuUsers find_gpu_users(const SystemView& view, std::span<const long long> own_pids) {
  GpuUsers found;
  add_compute_processes(view, own_pids, found);
  add_drm_clients(view, own_pids, found);
  add_displays(view, found);
  return found;
}

void pause_for_gpu_users() {
  const timespec tenth{0, 100'000'000};
  nanosleep(&tenth, nullptr);
}

GpuUsers find_gpu_users_at_rest(const SystemView& view, const std::function<void()>& pause) {
  constexpr int kMostLooks = 20;
  const auto has_ended = [&](const GpuUser& user) {
    return user.kind == GpuUserKind::kComputeProcess &&
           !view.exists("/proc/" + std::to_string(user.pid));
  };
  GpuUsers found = find_gpu_users(view);
  for (int look = 0; look < kMostLooks && std::ranges::any_of(found.users, has_ended); ++look) {
    pause();
    found = find_gpu_users(view);
  }
  return found;
}

std::optional<std::string> sharing_refusal(const GpuUsers& found) {
  if (found.users.empty()) return std::nullopt;
  std::vector<std::string> names;
  for (const GpuUser& user : found.users) {
    if (user.kind == GpuUserKind::kDisplay) {
      names.push_back(fmt::format("display {}", user.device));
    } else {
      names.push_back(fmt::format("{} {} {}({})", to_string(user.kind), user.pid,
                                  user.command.empty() ? "" : user.command + " ", user.device));
    }
  }
  return fmt::format("the GPU is in use by others: {}", fmt::join(names, ", "));
}

nlohmann::json to_json(const GpuUsers& found) {
  nlohmann::json users = nlohmann::json::array();
  for (const GpuUser& user : found.users) {
    users.push_back({{"kind", to_string(user.kind)},
                     {"pid", user.pid},
                     {"command", user.command},
                     {"device", user.device}});
  }
  return {{"users", std::move(users)}, {"unreadable_processes", found.unreadable_processes}};
}

}  // namespace notifier
