// SPDX-License-Identifier: MIT
// What can be measured on a machine, concluded from its environment alone (environment.hpp).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace notifier {

enum class Availability { kYes, kNo, kUnknown };

struct Capability {
  std::string name;
  Availability available = Availability::kUnknown;
  std::string reason;  // for yes, too: what it was concluded from
};

/// All capabilities, in a fixed order. For those that concern GPUs, all GPUs of the machine count,
/// since KFD evicts the queues of a process on each of them and its XNACK mode has to suit all.
///
/// AMD GPUs: gpu, kfd_device, persistent_kernel (CWSR), svm, retry_fault, system_memory, atomics,
/// driver_events, peer_gpu.
/// Any machine: root, thp, collapse, hugetlb, ksm, numa, swap, compaction, page_frame_numbers,
/// system_call_notification (the software GPU's notifier).
std::vector<Capability> capabilities(const nlohmann::json& environment);

/// Null when there is none of that name.
const Capability* find_capability(std::span<const Capability> all, std::string_view name);

// The parts of a case's name that decide what it needs, spelled as there.
struct CaseParts {
  std::string_view memory;
  std::string_view backing;
  std::string_view perturbation;
  std::string_view recovery;
  bool finite = false;  // kernels that end by themselves, without CWSR, too
};

/// Capabilities that a case needs on `platform` ("rocm" or "software").
std::vector<std::string_view> needed_capabilities(const CaseParts& parts,
                                                  std::string_view platform);

/// Why a case cannot run, or nothing. What is unknown is not in the way: the worker finds out.
std::optional<std::string> why_not(std::span<const Capability> all, const CaseParts& parts,
                                   std::string_view platform);

// Which way hipHostRegister'd memory probably takes to the device (kfd_facts §0.1, §0.29): a
// prediction, since versions do not decide it for good. The worker observes it.
struct ExpectedPath {
  std::optional<std::string> path;  // "userptr_bo" or "svm_range"
  std::string reason;
};
ExpectedPath expected_register_path(const nlohmann::json& environment);

}  // namespace notifier
