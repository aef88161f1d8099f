// SPDX-License-Identifier: MIT
#include "probe_capabilities.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "environment.hpp"
#include "system_view.hpp"

namespace notifier {
namespace {

using nlohmann::json;

struct Finding {
  Availability available;
  std::string reason;
};

Finding yes(std::string reason) { return {Availability::kYes, std::move(reason)}; }
Finding no(std::string reason) { return {Availability::kNo, std::move(reason)}; }
Finding unknown(std::string reason) { return {Availability::kUnknown, std::move(reason)}; }
Finding either(bool available, std::string reason) {
  return {available ? Availability::kYes : Availability::kNo, std::move(reason)};
}

struct Version {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Version&) const = default;
};

// "6.8.0-51-generic" and "1.14" alike.
std::optional<Version> parse_version(const json& text) {
  if (!text.is_string()) return std::nullopt;
  Version version;
  if (std::sscanf(text.get<std::string>().c_str(), "%d.%d", &version.major, &version.minor) != 2) {
    return std::nullopt;
  }
  return version;
}

std::string reason_of(const json& environment, const std::string& group, const std::string& field) {
  const json& found = environment[group][field];
  return fmt::format("{}: {}", found.value("source", ""), found.value("reason", ""));
}

const json& gpus(const json& environment) { return environment["gpus"]; }

std::string target_of(const json& gpu) {
  const json& target = gpu["gfx_target"]["value"];
  return target.is_string() ? target.get<std::string>() : "a GPU of unknown target";
}

std::optional<long long> parameter(const json& environment, const std::string& name) {
  const json& parameters = environment["amdgpu"]["parameters"];
  if (!parameters.contains(name) || !parameters[name]["value"].is_number_integer()) {
    return std::nullopt;
  }
  return parameters[name]["value"].get<long long>();
}

std::string variable(const json& environment, const std::string& name) {
  const json variables = environment_value(environment, "process", "variables");
  return variables.is_object() ? variables.value(name, "") : "";
}

Finding find_gpu(const json& environment) {
  if (gpus(environment).empty()) {
    return no("no GPU node in /sys/class/kfd/kfd/topology/nodes");
  }
  std::vector<std::string> targets;
  for (const json& gpu : gpus(environment)) targets.push_back(target_of(gpu));
  return yes(fmt::format("{}", fmt::join(targets, ", ")));
}

Finding find_kfd_device(const json& environment) {
  if (!environment_value(environment, "amdgpu", "kfd_device").is_null()) return yes("/dev/kfd");
  return no(reason_of(environment, "amdgpu", "kfd_device") +
            " (groups render and video; a container needs --device=/dev/kfd --device=/dev/dri)");
}

// kfd_facts §0.20: under drain a kernel that never ends is never preempted.
Finding find_persistent_kernel(const json& environment) {
  const auto cwsr = parameter(environment, "cwsr_enable");
  if (!cwsr) return unknown("amdgpu parameter cwsr_enable is not readable");
  if (*cwsr == 0) {
    return no(
        "cwsr_enable=0: a running kernel cannot be preempted, and an eviction would end in a "
        "timeout and a GPU reset");
  }
  return yes("cwsr_enable=1");
}

Finding find_svm(const json& environment) {
  if (gpus(environment).empty()) return no("no GPU");
  for (const json& gpu : gpus(environment)) {
    if (gpu["capability"]["value"]["svm_api"] != true) {
      return no(target_of(gpu) + " does not report the SVM API (capability bit 27)");
    }
  }
  return yes("every GPU reports the SVM API");
}

// kfd_process.c kfd_process_xnack_mode and amdgpu_gmc.c amdgpu_gmc_noretry_set (kfd_facts §7).
Finding gpu_can_retry(const json& environment, const std::string& target) {
  static constexpr std::array<std::string_view, 5> kPerProcess = {"gfx90a", "gfx940", "gfx941",
                                                                  "gfx942", "gfx950"};
  static constexpr std::array<std::string_view, 3> kOffByDefault = {"gfx900", "gfx906", "gfx908"};
  const auto is_in = [&](const auto& list) {
    return std::find(list.begin(), list.end(), target) != list.end();
  };
  if (is_in(kPerProcess)) return yes(target + " has an XNACK mode per process");
  const bool gfx9 = target.starts_with("gfx9");
  if (!gfx9) return no(target + " has no XNACK: targets after gfx9 do not");
  const auto noretry = parameter(environment, "noretry");
  if (!noretry) return unknown("amdgpu parameter noretry is not readable");
  if (*noretry == 0) return yes(target + " retries since amdgpu.noretry=0");
  if (*noretry == -1 && !is_in(kOffByDefault)) {
    return unknown(target + " follows amdgpu.noretry=-1, whose meaning depends on the kernel");
  }
  return no(fmt::format("{} retries only with amdgpu.noretry=0, and it is {}", target, *noretry));
}

Finding find_retry_fault(const json& environment) {
  if (gpus(environment).empty()) return no("no GPU");
  Finding worst = yes("");
  for (const json& gpu : gpus(environment)) {
    Finding found = gpu_can_retry(environment, target_of(gpu));
    if (found.available == Availability::kNo) return found;
    if (worst.available == Availability::kYes) worst = std::move(found);
  }
  if (worst.available == Availability::kYes) {
    worst.reason += "; a worker asks for it with HSA_XNACK=1";
  }
  return worst;
}

// kfd_facts §7: plain malloc on the GPU needs retry faults.
Finding find_system_memory(const json& environment) {
  Finding retry = find_retry_fault(environment);
  if (retry.available != Availability::kYes) return retry;
  Finding svm = find_svm(environment);
  if (svm.available != Availability::kYes) return svm;
  return yes("retry faults and SVM");
}

// kfd_facts §0.34. Links to memory of the CPU only; the io_links folder holds those.
Finding find_atomics(const json& environment) {
  if (gpus(environment).empty()) return no("no GPU");
  for (const json& gpu : gpus(environment)) {
    if (gpu["io_links"].empty()) return unknown("no io_links in the topology");
    for (const json& link : gpu["io_links"]) {
      const json& flags = link["flags"];
      if (flags["no_atomics_32_bit"] == true || flags["no_atomics_64_bit"] == true) {
        return no("the link of " + target_of(gpu) + " to the CPU carries no atomics");
      }
    }
  }
  return yes("every link carries 32- and 64-bit atomics");
}

// KFD 1.10, Linux 6.0 (kfd_facts §5). A DKMS driver's version is not the kernel's.
Finding find_driver_events(const json& environment) {
  if (environment_value(environment, "amdgpu", "kfd_device").is_null()) return no("no /dev/kfd");
  if (const auto kfd = parse_version(environment_value(environment, "amdgpu", "kfd_version"))) {
    return either(*kfd >= Version{1, 10},
                  fmt::format("KFD {}.{}, 1.10 is needed", kfd->major, kfd->minor));
  }
  if (!environment_value(environment, "amdgpu", "version").is_null()) {
    return unknown("a DKMS driver; its KFD version is known only to the ioctl");
  }
  const auto kernel = parse_version(environment_value(environment, "kernel", "release"));
  if (!kernel) return unknown("neither KFD's nor the kernel's version is readable");
  return either(*kernel >= Version{6, 0},
                fmt::format("Linux {}.{} (6.0 and later have them)", kernel->major, kernel->minor));
}

Finding find_peer_gpu(const json& environment) {
  const std::size_t count = gpus(environment).size();
  return either(count >= 2, fmt::format("{} GPU{}", count, count == 1 ? "" : "s"));
}

Finding find_root(const json& environment) {
  const json root = environment_value(environment, "process", "root");
  if (!root.is_boolean()) return unknown("/proc/self/status is not readable");
  return either(root.get<bool>(), root.get<bool>() ? "effective user 0" : "not root");
}

Finding find_thp(const json& environment) {
  const json enabled = environment_value(environment, "memory_policy", "thp_enabled");
  if (enabled.is_null()) return no(reason_of(environment, "memory_policy", "thp_enabled"));
  const std::string choice = enabled.get<std::string>();
  return either(choice != "never", "transparent_hugepage/enabled is " + choice);
}

// MADV_COLLAPSE ignores the enabled setting, but the kernel has to have huge pages at all.
Finding find_collapse(const json& environment) {
  if (environment_value(environment, "memory_policy", "thp_enabled").is_null()) {
    return no(reason_of(environment, "memory_policy", "thp_enabled"));
  }
  const auto kernel = parse_version(environment_value(environment, "kernel", "release"));
  if (!kernel) return unknown("the kernel's version is not readable");
  return either(
      *kernel >= Version{6, 1},
      fmt::format("MADV_COLLAPSE is in Linux 6.1, this is {}.{}", kernel->major, kernel->minor));
}

Finding find_hugetlb(const json& environment) {
  const json pages = environment_value(environment, "memory", "hugetlb_pages");
  if (!pages.is_number_integer()) return no(reason_of(environment, "memory", "hugetlb_pages"));
  return either(pages > 0, fmt::format("HugePages_Total is {}", pages.get<long long>()));
}

Finding needs_file_and_root(const json& environment, const std::string& group,
                            const std::string& field) {
  if (environment_value(environment, group, field).is_null()) {
    return no(reason_of(environment, group, field));
  }
  Finding root = find_root(environment);
  if (root.available == Availability::kNo) root.reason = "changing the setting needs root";
  return root;
}

Finding find_ksm(const json& environment) {
  return needs_file_and_root(environment, "memory_policy", "ksm_run");
}

Finding find_compaction(const json& environment) {
  return needs_file_and_root(environment, "memory_policy", "compaction_proactiveness");
}

Finding find_numa(const json& environment) {
  const json nodes = environment_value(environment, "cpu", "numa_nodes");
  if (!nodes.is_string()) return no(reason_of(environment, "cpu", "numa_nodes"));
  return either(nodes != "0", "NUMA nodes " + nodes.get<std::string>());
}

Finding find_swap(const json& environment) {
  const json swap = environment_value(environment, "memory", "swap");
  if (!swap.is_array()) return no(reason_of(environment, "memory", "swap"));
  return either(!swap.empty(),
                swap.empty() ? "no swap device" : fmt::format("{} swap devices", swap.size()));
}

Finding find_page_frame_numbers(const json& environment) {
  Finding root = find_root(environment);  // pagemap hides them without CAP_SYS_ADMIN
  if (root.available == Availability::kNo) {
    root.reason = "/proc/self/pagemap shows page frame numbers only to root";
  }
  return root;
}

Finding find_system_call_notification(const json& environment) {
  const json actions = environment_value(environment, "process", "seccomp_actions");
  if (!actions.is_string()) return no(reason_of(environment, "process", "seccomp_actions"));
  const auto words = split_words(actions.get<std::string>());
  const bool known = std::find(words.begin(), words.end(), "user_notif") != words.end();
  return either(known, known ? "seccomp knows user_notif" : "seccomp lacks user_notif (Linux 5.0)");
}

struct Entry {
  std::string_view name;
  Finding (*find)(const json&);
};

constexpr Entry kEntries[] = {
    {"gpu", find_gpu},
    {"kfd_device", find_kfd_device},
    {"persistent_kernel", find_persistent_kernel},
    {"svm", find_svm},
    {"retry_fault", find_retry_fault},
    {"system_memory", find_system_memory},
    {"atomics", find_atomics},
    {"driver_events", find_driver_events},
    {"peer_gpu", find_peer_gpu},
    {"root", find_root},
    {"thp", find_thp},
    {"collapse", find_collapse},
    {"hugetlb", find_hugetlb},
    {"ksm", find_ksm},
    {"numa", find_numa},
    {"swap", find_swap},
    {"compaction", find_compaction},
    {"page_frame_numbers", find_page_frame_numbers},
    {"system_call_notification", find_system_call_notification},
};

}  // namespace

std::vector<Capability> capabilities(const json& environment) {
  std::vector<Capability> all;
  for (const Entry& entry : kEntries) {
    Finding found = entry.find(environment);
    all.push_back({.name = std::string(entry.name),
                   .available = found.available,
                   .reason = std::move(found.reason)});
  }
  return all;
}

const Capability* find_capability(std::span<const Capability> all, std::string_view name) {
  for (const Capability& capability : all) {
    if (capability.name == name) return &capability;
  }
  return nullptr;
}

ExpectedPath expected_register_path(const json& environment) {
  if (variable(environment, "HSA_USE_SVM") == "0") return {"userptr_bo", "HSA_USE_SVM=0"};
  const Finding svm = find_svm(environment);
  if (svm.available == Availability::kNo) return {"userptr_bo", svm.reason};
  const auto rocm = parse_version(environment_value(environment, "amdgpu", "rocm_version"));
  if (!rocm) {
    return {std::nullopt, "the ROCm version is not readable; the worker observes the path"};
  }
  const std::string reason =
      fmt::format("ROCm {}.{}; SVM ranges since 5.6", rocm->major, rocm->minor);
  return {*rocm >= Version{5, 6} ? "svm_range" : "userptr_bo", reason};
}

}  // namespace notifier
