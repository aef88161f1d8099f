// SPDX-License-Identifier: MIT
#include "probe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "environment.hpp"
#include "gpu_users.hpp"
#include "probe_capabilities.hpp"

namespace notifier {
namespace {

using nlohmann::json;

std::string_view to_string(Availability available) {
  switch (available) {
    case Availability::kYes:
      return "yes";
    case Availability::kNo:
      return "no";
    case Availability::kUnknown:
      return "unknown";
  }
  return "";
}

json capabilities_json(const std::vector<Capability>& all) {
  json list = json::array();
  for (const Capability& capability : all) {
    list.push_back({{"name", capability.name},
                    {"available", to_string(capability.available)},
                    {"reason", capability.reason}});
  }
  return list;
}

json cases_json(const std::vector<ProbedCase>& cases, const std::vector<Capability>& all,
                std::string_view platform) {
  json list = json::array();
  for (const ProbedCase& probed : cases) {
    const auto reason = why_not(all,
                                {.memory = probed.memory,
                                 .backing = probed.backing,
                                 .perturbation = probed.perturbation,
                                 .recovery = probed.recovery},
                                platform);
    json entry = {{"memory", probed.memory},
                  {"backing", probed.backing},
                  {"perturbation", probed.perturbation},
                  {"recovery", probed.recovery},
                  {"runs", !reason.has_value()}};
    if (reason) entry["reason"] = *reason;
    list.push_back(std::move(entry));
  }
  return list;
}

std::string value_text(const json& field) {
  if (!field.is_object() || !field.contains("value")) return "";
  const json& value = field["value"];
  if (value.is_null()) return fmt::format("unknown ({})", field.value("reason", ""));
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void add_line(std::string& text, std::string_view name, const std::string& value) {
  text += fmt::format("  {:<28} {}\n", name, value);
}

void add_group(std::string& text, std::string_view title, const json& group) {
  text += fmt::format("\n{}\n", title);
  for (const auto& [name, field] : group.items()) {
    if (field.is_object() && field.contains("value")) add_line(text, name, value_text(field));
  }
}

void add_gpus(std::string& text, const json& gpus) {
  text += "\nGPUs\n";
  if (gpus.empty()) text += "  none\n";
  for (const json& gpu : gpus) {
    text += fmt::format("  node {}: {}, gpu_id {}, {} SIMDs, {}\n", value_text(gpu["node_id"]),
                        value_text(gpu["gfx_target"]), value_text(gpu["gpu_id"]),
                        value_text(gpu["simd_count"]), value_text(gpu["unique_id"]));
    const json& device = gpu["device"];
    text += fmt::format("    PCI {}, NUMA node {}, VRAM {} bytes, firmware",
                        value_text(device["pci_slot"]), value_text(device["numa_node"]),
                        value_text(device["vram_bytes"]));
    const json& firmware = device["firmware"]["value"];
    if (!firmware.is_object()) text += " unknown";
    if (firmware.is_object()) {
      for (const auto& [name, version] : firmware.items()) {
        text += fmt::format(" {}={}", name, value_text(version));
      }
    }
    text += "\n";
  }
}

void add_parameters(std::string& text, const json& parameters) {
  if (!parameters.is_object() || parameters.empty()) return;
  std::vector<std::string> words;
  for (const auto& [name, field] : parameters.items()) {
    words.push_back(name + "=" + value_text(field));
  }
  add_line(text, "parameters", fmt::format("{}", fmt::join(words, " ")));
}

// One line per distinct reason instead of one per case.
void add_cases(std::string& text, const json& cases) {
  std::map<std::string, std::vector<std::string>> by_reason;
  std::size_t running = 0;
  for (const json& entry : cases) {
    if (entry["runs"].get<bool>()) {
      ++running;
      continue;
    }
    by_reason[entry["reason"].get<std::string>()].push_back(fmt::format(
        "{}/{}/{}/{}", entry["memory"].get<std::string>(), entry["backing"].get<std::string>(),
        entry["perturbation"].get<std::string>(), entry["recovery"].get<std::string>()));
  }
  text += fmt::format("\nCases: {} of {} kinds can run\n", running, cases.size());
  constexpr std::size_t kNamed = 4;
  for (const auto& [reason, names] : by_reason) {
    const std::size_t named = std::min(names.size(), kNamed);
    text += fmt::format(
        "  not {}{}\n      {}\n",
        fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(named), ", "),
        names.size() > named ? fmt::format(" and {} more", names.size() - named) : "", reason);
  }
}

void add_users(std::string& text, const json& other_users) {
  text += "\nOther users of the GPU\n";
  if (other_users["users"].empty()) text += "  none found\n";
  for (const json& user : other_users["users"]) {
    text += fmt::format("  {} {} {} {}\n", user["kind"].get<std::string>(),
                        user["pid"].get<long long>(), user["command"].get<std::string>(),
                        user["device"].get<std::string>());
  }
  const auto hidden = other_users["unreadable_processes"].get<std::size_t>();
  if (hidden > 0) text += fmt::format("  {} processes could not be looked at\n", hidden);
}

}  // namespace

json probe(const SystemView& view, std::string_view platform,
           const std::vector<ProbedCase>& cases) {
  json probed;
  probed["platform"] = platform;
  // First: reading the environment makes this process a user of KFD (RunSafety::others_).
  probed["other_users"] = to_json(find_gpu_users(view));
  probed["environment"] = read_environment(view);
  const std::vector<Capability> all = capabilities(probed["environment"]);
  probed["capabilities"] = capabilities_json(all);
  const ExpectedPath path = expected_register_path(probed["environment"]);
  probed["expected_register_path"] = {{"path", path.path ? json(*path.path) : json()},
                                      {"reason", path.reason}};
  const json variables = environment_value(probed["environment"], "process", "variables");
  const Capability* retry_fault = find_capability(all, "retry_fault");
  probed["xnack"] = {
      {"possible", to_string(retry_fault->available)},
      {"reason", retry_fault->reason},
      {"HSA_XNACK", variables.is_object() ? variables.value("HSA_XNACK", json()) : json()}};
  probed["cases"] = cases_json(cases, all, platform);
  const auto runs = [](const json& entry) { return entry["runs"].get<bool>(); };
  const CaseParts simplest{
      .memory = "userptr", .backing = "anon", .perturbation = "none", .recovery = "preempt"};
  const auto reason = why_not(all, simplest, platform);
  probed["runnable"] = cases.empty()
                           ? !reason.has_value()
                           : std::any_of(probed["cases"].begin(), probed["cases"].end(), runs);
  if (reason) probed["reason"] = *reason;
  return probed;
}

std::string probe_text(const json& probed) {
  const json& environment = probed["environment"];
  std::string text;
  if (!probed["runnable"].get<bool>()) {
    text += fmt::format("nothing can run here on platform {}: {}\n",
                        probed["platform"].get<std::string>(), probed.value("reason", ""));
  }
  add_gpus(text, environment["gpus"]);
  add_group(text, "Driver", environment["amdgpu"]);
  add_parameters(text, environment["amdgpu"]["parameters"]);
  const json& path = probed["expected_register_path"];
  add_line(
      text, "hipHostRegister takes",
      fmt::format("{} ({})", path["path"].is_null() ? "unknown" : path["path"].get<std::string>(),
                  path["reason"].get<std::string>()));
  const json& xnack = probed["xnack"];
  add_line(text, "XNACK",
           fmt::format(
               "possible: {} ({}), HSA_XNACK {}", xnack["possible"].get<std::string>(),
               xnack["reason"].get<std::string>(),
               xnack["HSA_XNACK"].is_string() ? xnack["HSA_XNACK"].get<std::string>() : "not set"));
  for (const auto& [title, group] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Kernel", "kernel"},
           {"Machine", "machine"},
           {"CPU", "cpu"},
           {"Memory", "memory"},
           {"Memory policy", "memory_policy"},
           {"IOMMU", "iommu"},
           {"Process", "process"},
           {"Build", "build"}}) {
    add_group(text, title, environment[group]);
  }
  add_users(text, probed["other_users"]);
  text += "\nCapabilities\n";
  for (const json& capability : probed["capabilities"]) {
    text += fmt::format("  {:<28} {:<8} {}\n", capability["name"].get<std::string>(),
                        capability["available"].get<std::string>(),
                        capability["reason"].get<std::string>());
  }
  add_cases(text, probed["cases"]);
  return text;
}

int probe_exit_code(const json& probed) { return probed["runnable"].get<bool>() ? 0 : 77; }

}  // namespace notifier
