// SPDX-License-Identifier: MIT
#include "softgpu/api/softgpu_control.h"

#include <algorithm>
#include <vector>

#include "softgpu/core/device.hpp"
#include "softgpu/core/fork_policy.hpp"
#include "softgpu/core/hooks.hpp"
#include "softgpu/core/stop_times.hpp"

using namespace softgpu;  // the entry points below are in no namespace

extern "C" {

const char* const* softgpu_hook_names() {
  static const std::vector<const char*>* const names = [] {
    auto* list = new std::vector<const char*>;
    for (const Hook& hook : all_hooks()) {
      list->push_back(hook.name);
    }
    list->push_back(nullptr);
    return list;
  }();
  return names->data();
}

const char* softgpu_audit_status() {
  if (!start_device().empty()) {
    return "there is no device";
  }
  const char* why = device().auditor().why_off();
  return why != nullptr ? why : "on";
}

uint64_t softgpu_audit_now() {
  if (!start_device().empty()) {
    return 0;
  }
  device().auditor().audit(0, UINTPTR_MAX, UINT64_MAX);
  return device().auditor().missed_pages();
}

uint64_t softgpu_fork_policy_passes() {
  return start_device().empty() ? fork_policy_counts(device().registry()).passes : 0;
}

void softgpu_hold(uint32_t phase, uint64_t duration_ns) {
  hold().set(
      phase <= static_cast<uint32_t>(HoldPhase::kResume) ? HoldPhase{phase} : HoldPhase::kNone,
      duration_ns);
}

uint64_t softgpu_last_hold_ns() { return hold().last_ns(); }

}  // extern "C"
