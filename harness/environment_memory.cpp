// SPDX-License-Identifier: MIT
// Memory, and what may move pages behind a program's back (kfd_facts §0.29: background evictors).
#include <unistd.h>

#include "environment.hpp"
#include "environment_field.hpp"

namespace notifier {
namespace {

using nlohmann::json;

json meminfo_field(const SystemView& view, const std::string& key, long long unit) {
  return file_field(view, "/proc/meminfo", [&](const std::string& text) -> json {
    const auto value = value_of_key(text, key);
    if (!value) return nullptr;
    const auto words = split_words(*value);
    const auto number = words.empty() ? std::nullopt : parse_integer(words.front());
    return number ? json(*number * unit) : json();
  });
}

json page_size(const SystemView& view) {
  const std::string source = "sysconf(_SC_PAGESIZE)";
  if (!view.live()) return absent_field(source, "known only on the machine itself");
  return known_field(::sysconf(_SC_PAGESIZE), source);
}

json swap_devices(const std::string& text) {
  json devices = json::array();
  const auto lines = split_lines(text);
  for (std::size_t index = 1; index < lines.size(); ++index) {
    const auto words = split_words(lines[index]);
    if (words.size() < 5) return nullptr;
    const auto size_kib = parse_integer(words[2]);
    if (!size_kib) return nullptr;
    devices.push_back({{"name", words[0]}, {"type", words[1]}, {"size_bytes", *size_kib * 1024}});
  }
  return devices;
}

// Sizes other than 2 MiB exist since Linux 6.8 (mTHP), each with its own setting.
json huge_page_sizes(const SystemView& view) {
  const std::string folder = "/sys/kernel/mm/transparent_hugepage";
  json sizes = json::object();
  for (const std::string& name : view.list(folder)) {
    if (!name.starts_with("hugepages-")) continue;
    sizes[name.substr(std::string("hugepages-").size())] = {
        {"enabled", file_field(view, folder + "/" + name + "/enabled", bracketed_choice)},
        {"shmem_enabled",
         file_field(view, folder + "/" + name + "/shmem_enabled", bracketed_choice)}};
  }
  return sizes;
}

}  // namespace

json read_memory_environment(const SystemView& view) {
  json group;
  group["total_bytes"] = meminfo_field(view, "MemTotal", 1024);
  group["hugetlb_pages"] = meminfo_field(view, "HugePages_Total", 1);
  group["hugetlb_page_bytes"] = meminfo_field(view, "Hugepagesize", 1024);
  group["page_size_bytes"] = page_size(view);
  group["cgroup_limit"] = file_field(view, "/sys/fs/cgroup/memory.max");
  group["swap"] = file_field(view, "/proc/swaps", swap_devices);
  group["swappiness"] = file_field(view, "/proc/sys/vm/swappiness");
  group["zswap"] = file_field(view, "/sys/module/zswap/parameters/enabled");
  group["overcommit_memory"] = file_field(view, "/proc/sys/vm/overcommit_memory");
  group["max_map_count"] = file_field(view, "/proc/sys/vm/max_map_count");
  return group;
}

json read_memory_policy(const SystemView& view) {
  const std::string thp = "/sys/kernel/mm/transparent_hugepage/";
  const std::string ksm = "/sys/kernel/mm/ksm/";
  json group;
  group["thp_enabled"] = file_field(view, thp + "enabled", bracketed_choice);
  group["thp_defrag"] = file_field(view, thp + "defrag", bracketed_choice);
  group["thp_shmem_enabled"] = file_field(view, thp + "shmem_enabled", bracketed_choice);
  group["thp_zero_page"] = file_field(view, thp + "use_zero_page");
  group["thp_sizes"] = huge_page_sizes(view);
  group["khugepaged_defrag"] = file_field(view, thp + "khugepaged/defrag");
  group["khugepaged_pages_to_scan"] = file_field(view, thp + "khugepaged/pages_to_scan");
  group["khugepaged_scan_sleep_ms"] = file_field(view, thp + "khugepaged/scan_sleep_millisecs");
  group["ksm_run"] = file_field(view, ksm + "run");
  group["ksm_pages_to_scan"] = file_field(view, ksm + "pages_to_scan");
  group["ksm_sleep_ms"] = file_field(view, ksm + "sleep_millisecs");
  group["numa_balancing"] = file_field(view, "/proc/sys/kernel/numa_balancing");
  group["compaction_proactiveness"] = file_field(view, "/proc/sys/vm/compaction_proactiveness");
  group["zone_reclaim_mode"] = file_field(view, "/proc/sys/vm/zone_reclaim_mode");
  return group;
}

}  // namespace notifier
