// SPDX-License-Identifier: MIT
#include "environment.hpp"

#include <array>

#include "environment_field.hpp"

namespace notifier {
namespace {

using nlohmann::json;

// What steers the runtime, the software GPU and the loader. Other variables are nobody's business.
constexpr std::array<std::string_view, 11> kVariablePrefixes = {
    "HSA_", "HIP_",    "ROCR_",      "ROCM_",           "SOFTGPU_",      "GPU_",
    "AMD_", "HSAKMT_", "LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES"};

json environment_variables(const SystemView& view) {
  const std::string source = "/proc/self/environ";
  const SystemView::Text text = view.read_exactly(source);
  if (!text.text) return absent_field(source, text.reason);
  json variables = json::object();
  std::string_view rest = *text.text;
  while (!rest.empty()) {
    const std::string_view variable = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(variable.size() + 1, rest.size()));
    const std::size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    for (const std::string_view prefix : kVariablePrefixes) {
      if (!variable.starts_with(prefix)) continue;
      variables[std::string(variable.substr(0, equals))] = std::string(variable.substr(equals + 1));
      break;
    }
  }
  return known_field(variables, source);
}

json status_field(const SystemView& view, const std::string& key) {
  return file_field(view, "/proc/self/status", [&](const std::string& text) -> json {
    const auto value = value_of_key(text, key);
    return value ? number_or_text(*value) : json();
  });
}

json is_root(const SystemView& view) {
  return file_field(view, "/proc/self/status", [](const std::string& text) -> json {
    const auto words = split_words(value_of_key(text, "Uid").value_or(""));
    // Real, effective, saved and file system user id.
    return words.size() < 2 ? json() : json(words[1] == "0");
  });
}

json memory_lock_limit(const SystemView& view) {
  return file_field(view, "/proc/self/limits", [](const std::string& text) -> json {
    const std::string key = "Max locked memory";
    for (const std::string& line : split_lines(text)) {
      if (!line.starts_with(key)) continue;
      const auto words = split_words(line.substr(key.size()));
      return words.empty() ? json() : number_or_text(words.front());
    }
    return nullptr;
  });
}

}  // namespace

json read_iommu_environment(const SystemView& view) {
  const std::string folder = "/sys/class/iommu";
  json units = json::array();
  for (const std::string& name : view.list(folder)) units.push_back(name);
  json group;
  group["units"] =
      view.exists(folder) ? known_field(units, folder) : absent_field(folder, "no such folder");
  return group;
}

json read_process_environment(const SystemView& view) {
  json group;
  group["root"] = is_root(view);
  group["memory_lock_limit"] = memory_lock_limit(view);
  group["seccomp_mode"] = status_field(view, "Seccomp");
  group["seccomp_actions"] = file_field(view, "/proc/sys/kernel/seccomp/actions_avail");
  group["no_new_privileges"] = status_field(view, "NoNewPrivs");
  group["allowed_cpus"] = status_field(view, "Cpus_allowed_list");
  group["variables"] = environment_variables(view);
  return group;
}

json read_environment(const SystemView& view) {
  return {{"kernel", read_kernel_environment(view)},   {"machine", read_machine_environment(view)},
          {"cpu", read_cpu_environment(view)},         {"memory", read_memory_environment(view)},
          {"memory_policy", read_memory_policy(view)}, {"iommu", read_iommu_environment(view)},
          {"amdgpu", read_amdgpu_environment(view)},   {"gpus", read_gpus(view)},
          {"process", read_process_environment(view)}, {"build", build_environment()}};
}

json environment_value(const json& environment, const std::string& group,
                       const std::string& field) {
  const auto found_group = environment.find(group);
  if (found_group == environment.end() || !found_group->is_object()) return nullptr;
  const auto found_field = found_group->find(field);
  if (found_field == found_group->end() || !found_field->is_object()) return nullptr;
  return found_field->value("value", json());
}

}  // namespace notifier
