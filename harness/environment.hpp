// SPDX-License-Identifier: MIT
// What a recording ran on, for manifest.json and --probe.
//
// Every field is {"value": ..., "source": "<where it was read>"}. What could not be read has the
// value null and a "reason"; nothing is guessed. Settings whose effect on the numbers is documented
// are read by kfd_facts §4, §7, §8.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "system_view.hpp"

namespace notifier {

/// Groups: kernel, machine, cpu, memory, memory_policy, iommu, amdgpu, gpus, process, build.
nlohmann::json read_environment(const SystemView& view);

/// The groups one by one.
nlohmann::json read_kernel_environment(const SystemView& view);
nlohmann::json read_machine_environment(const SystemView& view);
nlohmann::json read_cpu_environment(const SystemView& view);
nlohmann::json read_memory_environment(const SystemView& view);
nlohmann::json read_memory_policy(const SystemView& view);
nlohmann::json read_iommu_environment(const SystemView& view);
nlohmann::json read_amdgpu_environment(const SystemView& view);
/// One entry per GPU node of KFD's topology.
nlohmann::json read_gpus(const SystemView& view);
/// As rocminfo writes it, of a node of KFD's topology; empty where device or kernel report none.
std::string gpu_unique_id(const SystemView& view, std::uint32_t node);
nlohmann::json read_process_environment(const SystemView& view);
/// How this program was built.
nlohmann::json build_environment();

/// "gfx90a" for 90010: decimal pairs of major, minor and stepping, the last two as hexadecimal
/// digits (kfd_device.c). Empty for 0, which CPU nodes have.
std::string gfx_target_name(long long gfx_target_version);

/// `field.value`, or null where the group, the field or its value is missing.
nlohmann::json environment_value(const nlohmann::json& environment, const std::string& group,
                                 const std::string& field);

}  // namespace notifier
