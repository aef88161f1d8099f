// SPDX-License-Identifier: MIT
#include "softgpu/core/settings.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "softgpu/core/stop_times.hpp"

namespace softgpu {
namespace {

constexpr std::uint64_t kDefaultVramBytes = 256ull << 20;
constexpr std::uint64_t kMostPercent = 1000;

std::uint32_t usable_cpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) {
    return 1;
  }
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&cpus)));
}

/// A positive integer with an optional suffix K, M or G.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view suffix(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const int shift = suffix == "K" ? 10 : suffix == "M" ? 20 : suffix == "G" ? 30 : 0;
  if (error != std::errc() || value == 0 || (shift == 0 && !suffix.empty()) ||
      value > (UINT64_MAX >> shift)) {
    return std::nullopt;
  }
  return value << shift;
}

struct NumberSetting {
  const char* name;
  std::uint64_t maximum;
  void (*set)(Settings& settings, std::uint64_t value);
};

constexpr std::array kNumberSettings = {
    NumberSetting{"SOFTGPU_DEVICES", kMostDevices,
                  [](Settings& settings, std::uint64_t value) {
                    settings.devices = static_cast<std::uint32_t>(value);
                  }},
    NumberSetting{"SOFTGPU_WAVES", 256,
                  [](Settings& settings, std::uint64_t value) {
                    settings.waves = static_cast<std::uint32_t>(value);
                  }},
    NumberSetting{"SOFTGPU_VRAM", 1ull << 40,
                  [](Settings& settings, std::uint64_t value) { settings.vram_bytes = value; }},
    NumberSetting{"SOFTGPU_WAIT_LIMIT_MS", 86'400'000,
                  [](Settings& settings, std::uint64_t value) { settings.wait_limit_ms = value; }},
    NumberSetting{"SOFTGPU_KVM_SLOTS", UINT32_MAX,
                  [](Settings& settings, std::uint64_t value) {
                    settings.kvm_slots = static_cast<std::uint32_t>(value);
                  }},
};

bool read_audit(std::string_view text, Settings& settings) {
  if (text == "off") {
    settings.audit = AuditLevel::kOff;
  } else if (text == "restore") {
    settings.audit = AuditLevel::kRestore;
  } else if (text == "full") {
    settings.audit = AuditLevel::kFull;
  } else {
    return false;
  }
  return true;
}

bool read_plant(std::string_view text, Settings& settings) {
  struct Name {
    std::string_view name;
    Plant plant;
  };
  constexpr std::array kNames = {Name{"stale", Plant::kStale},
                                 Name{"foreign", Plant::kForeign},
                                 Name{"lost", Plant::kLost},
                                 Name{"torn", Plant::kTorn},
                                 Name{"zero", Plant::kZero},
                                 Name{"early_resume", Plant::kEarlyResume},
                                 Name{"lost_copy_back", Plant::kLostCopyBack},
                                 Name{"stale_device_copy", Plant::kStaleDeviceCopy},
                                 Name{"lost_context", Plant::kLostContext},
                                 Name{"torn_context", Plant::kTornContext},
                                 Name{"zero_context", Plant::kZeroContext},
                                 Name{"wide", Plant::kWide}};
  constexpr std::string_view kSkipHook = "skip_hook:";
  if (text.starts_with(kSkipHook)) {
    settings.plant = Plant::kSkipHook;
    settings.plant_hook = text.substr(kSkipHook.size());
    return true;
  }
  constexpr std::string_view kSlowRestore = "slow_restore:";
  if (text.starts_with(kSlowRestore)) {
    const auto percent = parse_number(text.substr(kSlowRestore.size()));
    settings.plant = Plant::kSlowRestore;
    settings.slower_percent = static_cast<std::uint32_t>(percent.value_or(0));
    return percent && *percent <= kMostPercent;
  }
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [&](const Name& entry) { return entry.name == text; });
  if (found == kNames.end()) {
    return false;
  }
  settings.plant = found->plant;
  return true;
}

bool read_delays(std::string_view text, Settings& settings) {
  settings.delays = text == "on";
  return text == "on" || text == "off";
}

bool read_engine(std::string_view text, Settings& settings) {
  settings.engine = text == "kvm" ? EngineKind::kKvm : EngineKind::kSoftware;
  return text == "kvm" || text == "software";
}

/// The kernel's MMU notifiers know one way only: retry faults, whatever the environment asks for.
/// Nothing of the software MMU is there to be audited or damaged.
std::string fit_to_kvm(Settings& settings) {
  if (settings.wait_for_jobs || settings.devices != 1) {
    return "SOFTGPU_ENGINE=kvm is one device with retry faults: unset SOFTGPU_CWSR and "
           "SOFTGPU_DEVICES";
  }
  settings.retry_faults = true;
  settings.audit = AuditLevel::kOff;
  return settings.plant == Plant::kNone || settings.plant == Plant::kStale
             ? std::string()
             : "SOFTGPU_ENGINE=kvm knows SOFTGPU_PLANT=stale only: the others need the software "
               "MMU";
}

bool read_xnack(std::string_view text, Settings& settings) {
  settings.retry_faults = text == "1";
  return text == "0" || text == "1";
}

/// As the module parameter cwsr_enable (kfd_facts §4).
bool read_wave_save(std::string_view text, Settings& settings) {
  settings.wait_for_jobs = text == "0";
  return text == "0" || text == "1";
}

struct TextSetting {
  const char* name;
  bool (*read)(std::string_view text, Settings& settings);
  bool may_be_empty = false;
};

constexpr std::array kTextSettings = {
    TextSetting{"HSA_XNACK", read_xnack},
    TextSetting{"SOFTGPU_ENGINE", read_engine},
    TextSetting{"SOFTGPU_CWSR", read_wave_save},
    TextSetting{"SOFTGPU_DELAYS", read_delays},
    TextSetting{"SOFTGPU_AUDIT", read_audit},
    TextSetting{"SOFTGPU_PLANT", read_plant, true},
    TextSetting{"SOFTGPU_HOLD", [](std::string_view text, Settings&) { return hold().parse(text); },
                true},
};

std::string wrong(const char* name, const char* text) {
  return std::string(name) + "=" + text + " is not understood";
}

}  // namespace

std::string read_settings(Settings& settings) {
  settings.waves = std::max<std::uint32_t>(1, usable_cpus() - 1);
  settings.vram_bytes = kDefaultVramBytes;
  for (const NumberSetting& setting : kNumberSettings) {
    if (const char* text = std::getenv(setting.name)) {
      const std::optional<std::uint64_t> value = parse_number(text);
      if (!value || *value > setting.maximum) {
        return wrong(setting.name, text);
      }
      setting.set(settings, *value);
    }
  }
  for (const TextSetting& setting : kTextSettings) {
    const char* text = std::getenv(setting.name);
    const bool given = text != nullptr && !(setting.may_be_empty && *text == '\0');
    if (given && !setting.read(text, settings)) {
      return wrong(setting.name, text);
    }
  }
  if (settings.wait_for_jobs && settings.retry_faults) {
    return "SOFTGPU_CWSR=0 with HSA_XNACK=1 would hang: an invalidation waits for a job that waits "
           "for its fault, which is served after the invalidation; unset one of them";
  }
  return settings.engine == EngineKind::kKvm ? fit_to_kvm(settings) : std::string();
}

}  // namespace softgpu
