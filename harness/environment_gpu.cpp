// SPDX-License-Identifier: MIT
// The amdgpu driver, ROCm, and the GPU nodes of KFD's topology.
#include <fcntl.h>
#include <fmt/format.h>
#include <hsakmttypes.h>
#include <linux/kfd_ioctl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "environment.hpp"
#include "environment_field.hpp"
#include "file_descriptor.hpp"

namespace notifier {
namespace {

using nlohmann::json;

constexpr char kTopology[] = "/sys/class/kfd/kfd/topology/nodes";

// "name value" lines. Values are unsigned 64-bit decimals (kfd_topology.c node_show).
json properties(const std::string& text) {
  json values = json::object();
  for (const std::string& line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.empty()) continue;
    std::uint64_t value = 0;
    if (words.size() != 2) return nullptr;
    const char* end = words[1].data() + words[1].size();
    const auto [next, error] = std::from_chars(words[1].data(), end, value);
    if (error != std::errc() || next != end) return nullptr;
    values[words[0]] = value;
  }
  return values;
}

std::uint64_t property(const json& field, const std::string& name) {
  return field["value"].is_object() ? field["value"].value(name, std::uint64_t{0}) : 0;
}

json capability_flags(std::uint64_t value) {
  HSA_CAPABILITY capability{};
  capability.Value = static_cast<HSAuint32>(value);
  return {{"svm_api", capability.ui32.SVMAPISupported != 0},
          {"coherent_host_access", capability.ui32.CoherentHostAccess != 0},
          {"shared_with_graphics", capability.ui32.SharedWithGraphics != 0},
          {"debug_trap", capability.ui32.DebugTrapSupported != 0},
          {"memory_ecc", capability.ui32.Mem_EDCSupport != 0}};
}

// Read-modify-write atomics over the bus (kfd_facts §0.34).
json link_flags(std::uint64_t value) {
  HSA_LINKPROPERTY link{};
  link.LinkProperty = static_cast<HSAuint32>(value);
  return {{"enabled", link.ui32.Override != 0},
          {"non_coherent", link.ui32.NonCoherent != 0},
          {"no_atomics_32_bit", link.ui32.NoAtomics32bit != 0},
          {"no_atomics_64_bit", link.ui32.NoAtomics64bit != 0},
          {"no_peer_to_peer", link.ui32.NoPeerToPeerDMA != 0}};
}

json links(const SystemView& view, const std::string& node, const std::string& folder) {
  json all = json::array();
  for (const std::string& name : view.list(node + "/" + folder)) {
    json link = file_field(view, node + "/" + folder + "/" + name + "/properties", properties);
    link["flags"] = link_flags(property(link, "flags"));
    all.push_back(std::move(link));
  }
  return all;
}

json firmware_versions(const SystemView& view, const std::string& folder) {
  json versions = json::object();
  for (const std::string& name : view.list(folder)) {
    versions[name] = file_field(view, folder + "/" + name);
  }
  if (versions.empty()) return absent_field(folder, "no such folder or nothing in it");
  return known_field(versions, folder);
}

// The PCI device behind a node, found by its render node.
json pci_device(const SystemView& view, std::uint64_t render_minor) {
  const std::string device = fmt::format("/sys/class/drm/renderD{}/device", render_minor);
  json group;
  group["pci_slot"] = file_field(view, device + "/uevent", [](const std::string& text) -> json {
    const auto slot = value_of_key(text, "PCI_SLOT_NAME", '=');
    return slot ? json(*slot) : json();
  });
  group["numa_node"] = file_field(view, device + "/numa_node");
  group["vbios"] = file_field(view, device + "/vbios_version");
  group["link_speed"] = file_field(view, device + "/current_link_speed");
  group["link_width"] = file_field(view, device + "/current_link_width");
  group["performance_level"] = file_field(view, device + "/power_dpm_force_performance_level");
  group["compute_partition"] = file_field(view, device + "/current_compute_partition");
  group["memory_partition"] = file_field(view, device + "/current_memory_partition");
  group["vram_bytes"] = file_field(view, device + "/mem_info_vram_total");
  group["firmware"] = firmware_versions(view, device + "/fw_version");
  return group;
}

json gpu_node(const SystemView& view, const std::string& name, const json& read_properties) {
  const std::string node = std::string(kTopology) + "/" + name;
  const std::string source = node + "/properties";
  json gpu;
  gpu["node_id"] = known_field(*parse_integer(name), kTopology);
  gpu["gpu_id"] = file_field(view, node + "/gpu_id");
  gpu["name"] = file_field(view, node + "/name");
  gpu["properties"] = read_properties;
  const std::string target =
      gfx_target_name(static_cast<long long>(property(read_properties, "gfx_target_version")));
  gpu["gfx_target"] = target.empty() ? absent_field(source, "no gfx_target_version (Linux < 5.16)")
                                     : known_field(target, source);
  const std::uint64_t unique_id = property(read_properties, "unique_id");
  gpu["unique_id"] = unique_id == 0 ? absent_field(source, "this device or kernel reports none")
                                    : known_field(fmt::format("GPU-{:016x}", unique_id), source);
  gpu["simd_count"] = known_field(property(read_properties, "simd_count"), source);
  gpu["capability"] =
      known_field(capability_flags(property(read_properties, "capability")), source);
  gpu["io_links"] = links(view, node, "io_links");
  gpu["peer_links"] = links(view, node, "p2p_links");
  gpu["device"] = pci_device(view, property(read_properties, "drm_render_minor"));
  return gpu;
}

json kfd_version(const SystemView& view) {
  const std::string source = "/dev/kfd: AMDKFD_IOC_GET_VERSION";
  if (!view.live()) return absent_field(source, "an ioctl: known only on the machine itself");
  const FileDescriptor kfd(::open("/dev/kfd", O_RDWR | O_CLOEXEC));
  if (!kfd.valid()) return absent_field(source, std::generic_category().message(errno));
  kfd_ioctl_get_version_args version{};
  if (::ioctl(kfd.get(), AMDKFD_IOC_GET_VERSION, &version) != 0) {
    return absent_field(source, std::generic_category().message(errno));
  }
  return known_field(fmt::format("{}.{}", version.major_version, version.minor_version), source);
}

json device_access(const SystemView& view) {
  const std::string path = "/dev/kfd";
  if (!view.exists(path)) return absent_field(path, "no such device");
  if (!view.live()) return known_field("present", path);
  const FileDescriptor kfd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!kfd.valid()) return absent_field(path, std::generic_category().message(errno));
  return known_field("usable", path);
}

}  // namespace

std::string gfx_target_name(long long gfx_target_version) {
  if (gfx_target_version <= 0) return {};
  const long long major = gfx_target_version / 10000;
  const long long minor = gfx_target_version / 100 % 100;
  const long long stepping = gfx_target_version % 100;
  return fmt::format("gfx{}{:x}{:x}", major, minor, stepping);
}

std::string gpu_unique_id(const SystemView& view, std::uint32_t node) {
  const std::string source = fmt::format("{}/{}/properties", kTopology, node);
  const std::uint64_t unique_id = property(file_field(view, source, properties), "unique_id");
  return unique_id == 0 ? std::string() : fmt::format("GPU-{:016x}", unique_id);
}

json read_amdgpu_environment(const SystemView& view) {
  const std::string module = "/sys/module/amdgpu";
  json group;
  group["loaded"] = known_field(view.exists(module), module);
  group["version"] = file_field(view, module + "/version");  // out-of-tree (DKMS) driver only
  group["source_version"] = file_field(view, module + "/srcversion");
  json parameters = json::object();
  for (const std::string& name : view.list(module + "/parameters")) {
    parameters[name] = file_field(view, module + "/parameters/" + name);
  }
  group["parameters"] = std::move(parameters);
  group["kfd_device"] = device_access(view);
  group["kfd_version"] = kfd_version(view);
  group["rocm_version"] = file_field(view, "/opt/rocm/.info/version");
  return group;
}

json read_gpus(const SystemView& view) {
  json gpus = json::array();
  for (const std::string& name : view.list(kTopology)) {
    if (!parse_integer(name)) continue;
    const json read_properties =
        file_field(view, std::string(kTopology) + "/" + name + "/properties", properties);
    if (property(read_properties, "simd_count") == 0) continue;  // a CPU node
    gpus.push_back(gpu_node(view, name, read_properties));
  }
  return gpus;
}

}  // namespace notifier
