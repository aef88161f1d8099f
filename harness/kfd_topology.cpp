// SPDX-License-Identifier: MIT
#include "kfd_topology.hpp"

#include <fmt/format.h>

#include "environment.hpp"

namespace notifier {
namespace {

constexpr const char* kNodes = "/sys/class/kfd/kfd/topology/nodes";

/// A line "name value" of the file `properties`; 0 where it is not there.
std::uint64_t property(const std::string& properties, std::string_view name) {
  const auto value = value_of_key(properties, name, ' ');
  return static_cast<std::uint64_t>(value ? parse_integer(*value).value_or(0) : 0);
}

/// kfd_topology.c: location_id is pci_dev_id(), with the partition's number in bits 28 to 31.
PciAddress address_of(const std::string& properties) {
  const std::uint64_t location = property(properties, "location_id");
  return {.domain = static_cast<std::uint32_t>(property(properties, "domain")),
          .bus = static_cast<std::uint32_t>(location >> 8 & 0xFF),
          .device = static_cast<std::uint32_t>(location >> 3 & 0x1F)};
}

int numa_node_of(const SystemView& view, std::uint64_t render_minor) {
  const auto text =
      view.read(fmt::format("/sys/class/drm/renderD{}/device/numa_node", render_minor));
  return static_cast<int>(parse_integer(text.text.value_or("")).value_or(-1));
}

}  // namespace

std::optional<KfdGpu> find_kfd_gpu(const SystemView& view, const PciAddress& address) {
  for (const std::string& name : view.list(kNodes)) {
    const auto node = parse_integer(name);
    // A node of a GPU that the container does not get cannot be read (kfd_topology.c node_show).
    const auto properties = view.read(fmt::format("{}/{}/properties", kNodes, name)).text;
    if (!node || !properties || property(*properties, "simd_count") == 0) continue;
    const PciAddress found = address_of(*properties);
    if (found.domain != address.domain || found.bus != address.bus ||
        found.device != address.device) {
      continue;
    }
    const auto gpu_id = view.read(fmt::format("{}/{}/gpu_id", kNodes, name));
    KfdGpu gpu;
    gpu.sysfs_node = static_cast<std::uint32_t>(*node);
    gpu.gpu_id = static_cast<std::uint32_t>(parse_integer(gpu_id.text.value_or("")).value_or(0));
    gpu.unique_id = gpu_unique_id(view, gpu.sysfs_node);
    gpu.numa_node = numa_node_of(view, property(*properties, "drm_render_minor"));
    return gpu;
  }
  return std::nullopt;
}

}  // namespace notifier
