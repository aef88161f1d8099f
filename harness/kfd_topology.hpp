// SPDX-License-Identifier: MIT
// The GPU that HIP talks about, in KFD's own topology. The files under /sys/class/kfd are asked and
// not the thunk, whose node numbers are others where a container shows some of the GPUs only
// (libhsakmt topology.c map_user_to_sysfs_node_id).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "system_view.hpp"

namespace notifier {

/// As HIP reports it. PCI buses of different domains have the same numbers.
struct PciAddress {
  std::uint32_t domain = 0;
  std::uint32_t bus = 0;
  std::uint32_t device = 0;
};

struct KfdGpu {
  std::uint32_t sysfs_node = 0;
  std::uint32_t gpu_id = 0;
  std::string unique_id;  // "GPU-..." as in ROCR_VISIBLE_DEVICES; empty where there is none
  int numa_node = -1;     // of its PCI device; -1: the firmware does not say
};

/// The first of them where a GPU is partitioned. Empty where KFD shows no such GPU.
std::optional<KfdGpu> find_kfd_gpu(const SystemView& view, const PciAddress& address);

}  // namespace notifier
