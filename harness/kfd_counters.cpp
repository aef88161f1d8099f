// SPDX-License-Identifier: MIT
#include "kfd_counters.hpp"

namespace notifier {

std::optional<double> kfd_evicted_ns(const SystemView& view, pid_t pid) {
  const std::string process = "/sys/class/kfd/kfd/proc/" + std::to_string(pid);
  std::optional<double> total_ns;
  for (const std::string& name : view.list(process)) {
    if (!name.starts_with("stats_")) continue;
    const SystemView::Text text = view.read(process + "/" + name + "/evicted_ms");
    const auto evicted_ms = text.text ? parse_integer(*text.text) : std::nullopt;
    if (evicted_ms) total_ns = total_ns.value_or(0) + static_cast<double>(*evicted_ms) * 1e6;
  }
  return total_ns;
}

}  // namespace notifier
