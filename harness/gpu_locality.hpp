// SPDX-License-Identifier: MIT
// Worker and buffers on the GPU's NUMA node: across a socket each access and each notifier's IPI
// takes longer, and by how much would change from run to run.
#pragma once

#include <string>

#include "system_view.hpp"

namespace notifier {

/// Has the calling thread, and the threads and memory that it makes from now on, stay on a NUMA
/// node: CPUs as far as this process may use them, memory by preference. Returns what was done, or
/// why nothing was, in words. `node` below 0: not known.
std::string stay_on_numa_node(const SystemView& view, int node);

}  // namespace notifier
