// SPDX-License-Identifier: MIT
// Kernel, machine and CPU.
#include <fmt/format.h>
#include <time.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "environment.hpp"
#include "environment_field.hpp"

namespace notifier {
namespace {

using nlohmann::json;

std::optional<std::string> read_gzip(const std::filesystem::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(::gzopen(path.c_str(), "rb"), ::gzclose);
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 16384> buffer;
  while (true) {
    const int count = ::gzread(file.get(), buffer.data(), buffer.size());
    if (count < 0) return std::nullopt;
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// Restore work is delayed by 1 ms, which timers round to jiffies (kfd_facts §0.7): CONFIG_HZ
// decides what the shortest possible stall is.
json config_hz(const SystemView& view) {
  const std::string release = view.read("/proc/sys/kernel/osrelease").text.value_or("");
  const std::array<std::string, 4> sources = {"/proc/config.gz", "/boot/config-" + release,
                                              "/lib/modules/" + release + "/config",
                                              "/usr/src/linux-headers-" + release + "/.config"};
  for (const std::string& source : sources) {
    const std::optional<std::string> text = read_gzip(view.locate(source));  // plain text as well
    if (!text) continue;
    const auto hz = value_of_key(*text, "CONFIG_HZ", '=');
    if (hz && parse_integer(*hz)) return known_field(*parse_integer(*hz), source);
  }
  if (view.live()) {
    // The coarse clocks advance once per tick (kernel/time/posix-timers.c posix_get_coarse_res).
    timespec resolution{};
    if (::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0 && resolution.tv_sec == 0 &&
        resolution.tv_nsec > 0) {
      const long long tick_ns = resolution.tv_nsec;
      return known_field((1'000'000'000 + tick_ns / 2) / tick_ns,
                         "clock_getres(CLOCK_MONOTONIC_COARSE)");
    }
  }
  return absent_field(fmt::format("{}", fmt::join(sources, ", ")),
                      "no kernel configuration is readable");
}

// Only arguments that bear on memory management, GPUs or timing: a command line may hold secrets.
json kernel_arguments(const std::string& text) {
  static constexpr std::array<std::string_view, 21> kRelevant = {"amd_iommu",
                                                                 "amdgpu.",
                                                                 "default_hugepagesz",
                                                                 "hugepages",
                                                                 "hugepagesz",
                                                                 "idle",
                                                                 "intel_iommu",
                                                                 "iommu",
                                                                 "isolcpus",
                                                                 "mitigations",
                                                                 "nohz",
                                                                 "nohz_full",
                                                                 "numa_balancing",
                                                                 "pci",
                                                                 "preempt",
                                                                 "processor.",
                                                                 "rcu_nocbs",
                                                                 "swiotlb",
                                                                 "transparent_hugepage",
                                                                 "tsc",
                                                                 "clocksource"};
  json kept = json::array();
  for (const std::string& word : split_words(text)) {
    const std::string name = word.substr(0, word.find('='));
    const bool relevant = std::any_of(kRelevant.begin(), kRelevant.end(), [&](auto key) {
      return key.back() == '.' ? name.starts_with(key) : name == key;
    });
    if (relevant) kept.push_back(word);
  }
  return kept;
}

json virtualisation(const SystemView& view) {
  const std::string source = "/proc/cpuinfo";
  const SystemView::Text cpuinfo = view.read(source);
  if (!cpuinfo.text) return absent_field(source, cpuinfo.reason);
  const std::vector<std::string> flags =
      split_words(value_of_key(*cpuinfo.text, "flags").value_or(""));
  if (flags.empty()) return absent_field(source, "no CPU flags (not an x86 processor)");
  const bool guest = std::find(flags.begin(), flags.end(), "hypervisor") != flags.end();
  return known_field(guest ? "guest" : "none", source + ": flag hypervisor");
}

json container(const SystemView& view) {
  // systemd.io/CONTAINER_INTERFACE, Docker and Podman.
  for (const char* sign : {"/run/systemd/container", "/run/.containerenv", "/.dockerenv"}) {
    if (!view.exists(sign)) continue;
    const std::string text = view.read(sign).text.value_or("");
    return known_field(
        sign == std::string("/run/systemd/container") && !text.empty() ? text : "yes", sign);
  }
  return known_field("no sign of one", "/run/systemd/container, /run/.containerenv, /.dockerenv");
}

json distinct_over_cpus(const SystemView& view, const std::string& file) {
  const std::string folder = "/sys/devices/system/cpu";
  const std::string source = folder + "/cpu*/" + file;
  std::set<std::string> values;
  for (const std::string& name : view.list(folder)) {
    if (!name.starts_with("cpu") || !parse_integer(name.substr(3))) continue;
    const SystemView::Text text = view.read(folder + "/" + name + "/" + file);
    if (text.text && !text.text->empty()) values.insert(*text.text);
  }
  if (values.empty()) return absent_field(source, "no CPU has this file");
  return known_field(fmt::format("{}", fmt::join(values, ",")), source);
}

json first_cpu_value(const SystemView& view, const std::string& key) {
  return file_field(view, "/proc/cpuinfo", [&](const std::string& text) -> json {
    const auto value = value_of_key(text, key);
    return value ? number_or_text(*value) : json();
  });
}

}  // namespace

json read_kernel_environment(const SystemView& view) {
  json group;
  group["release"] = file_field(view, "/proc/sys/kernel/osrelease");
  group["version"] = file_field(view, "/proc/sys/kernel/version");
  group["config_hz"] = config_hz(view);
  group["boot_id"] = file_field(view, "/proc/sys/kernel/random/boot_id");
  group["tainted"] = file_field(view, "/proc/sys/kernel/tainted");
  group["arguments"] = file_field(view, "/proc/cmdline", kernel_arguments);
  group["clocksource"] =
      file_field(view, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  return group;
}

json read_machine_environment(const SystemView& view) {
  json group;
  group["name"] = file_field(view, "/proc/sys/kernel/hostname");
  group["vendor"] = file_field(view, "/sys/class/dmi/id/sys_vendor");
  group["product"] = file_field(view, "/sys/class/dmi/id/product_name");
  group["firmware"] = file_field(view, "/sys/class/dmi/id/bios_version");
  group["virtualisation"] = virtualisation(view);
  group["container"] = container(view);
  return group;
}

json read_cpu_environment(const SystemView& view) {
  json group;
  group["model"] = first_cpu_value(view, "model name");
  group["microcode"] = first_cpu_value(view, "microcode");
  group["online"] = file_field(view, "/sys/devices/system/cpu/online",
                               [](const std::string& text) { return json(text); });
  group["isolated"] = file_field(view, "/sys/devices/system/cpu/isolated",
                                 [](const std::string& text) { return json(text); });
  group["numa_nodes"] = file_field(view, "/sys/devices/system/node/online",
                                   [](const std::string& text) { return json(text); });
  group["smt"] = file_field(view, "/sys/devices/system/cpu/smt/control");
  group["governor"] = distinct_over_cpus(view, "cpufreq/scaling_governor");
  group["frequency_driver"] = distinct_over_cpus(view, "cpufreq/scaling_driver");
  group["idle_driver"] = file_field(view, "/sys/devices/system/cpu/cpuidle/current_driver");
  return group;
}

}  // namespace notifier
