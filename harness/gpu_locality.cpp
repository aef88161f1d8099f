// SPDX-License-Identifier: MIT
#include "gpu_locality.hpp"

#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace notifier {
namespace {

constexpr int kMostNodes = 1024;  // MAX_NUMNODES of a kernel with NODES_SHIFT = 10

/// "0-3,8" as in cpulist.
cpu_set_t parse_cpu_list(std::string_view text) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::size_t dash = part.find('-');
    const auto first = parse_integer(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_integer(part.substr(dash + 1));
    if (!first || !last) continue;
    for (long long cpu = *first; cpu <= *last && cpu < CPU_SETSIZE; ++cpu) {
      CPU_SET(static_cast<std::size_t>(cpu), &cpus);
    }
  }
  return cpus;
}

std::string error_text() { return std::generic_category().message(errno); }

}  // namespace

std::string stay_on_numa_node(const SystemView& view, int node) {
  if (node < 0 || node >= kMostNodes) return "not placed: the GPU's NUMA node is not known";
  const std::string path = fmt::format("/sys/devices/system/node/node{}/cpulist", node);
  const SystemView::Text list = view.read(path);
  if (!list.text) return fmt::format("not placed: {}: {}", path, list.reason);
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) {
    return fmt::format("not placed: sched_getaffinity failed: {}", error_text());
  }
  cpu_set_t chosen = parse_cpu_list(*list.text);
  CPU_AND(&chosen, &chosen, &usable);
  // Whoever keeps the process away from the node (taskset, a cgroup) has a reason.
  if (CPU_COUNT(&chosen) == 0) {
    return fmt::format("not placed: no CPU of NUMA node {} may be used", node);
  }
  if (sched_setaffinity(0, sizeof chosen, &chosen) != 0) {
    return fmt::format("not placed: sched_setaffinity failed: {}", error_text());
  }
  constexpr std::size_t kBits = 8 * sizeof(unsigned long);
  unsigned long mask[kMostNodes / kBits] = {};
  mask[static_cast<std::size_t>(node) / kBits] = 1UL << (static_cast<std::size_t>(node) % kBits);
  // The kernel takes one bit less than it is told (mm/mempolicy.c get_nodes).
  if (syscall(SYS_set_mempolicy, MPOL_PREFERRED, mask, kMostNodes + 1) != 0) {
    return fmt::format("CPUs of NUMA node {}; memory not placed: set_mempolicy failed: {}", node,
                       error_text());
  }
  return fmt::format("CPUs and memory of NUMA node {}", node);
}

}  // namespace notifier
