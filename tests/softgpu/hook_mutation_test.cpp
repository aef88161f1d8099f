// SPDX-License-Identifier: MIT
// Takes out each hook of the notifier in turn and requires that its loss is noticed. Each operation
// runs twice in a process of its own: as it is, when nothing may be wrong, and with its hook
// skipped.
#include <signal.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "memory_operations.hpp"
#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"

namespace softgpu_test {
namespace {

/// The first operation that goes through the hook is the one that proves it.
const MemoryOperation* find_proof(std::string_view hook) {
  const auto operations = memory_operations();
  const auto found = std::find_if(operations.begin(), operations.end(),
                                  [&](const auto& entry) { return entry.hook == hook; });
  return found == operations.end() ? nullptr : &*found;
}

bool says(const ProcessResult& result, const std::string& text) {
  return result.output.find(text) != std::string::npos;
}

class HookMutation : public testing::TestWithParam<std::string> {
 protected:
  static ProcessResult run(const MemoryOperation& operation, const std::string& plant) {
    return run_operation(operation, {{"SOFTGPU_PLANT", plant}});
  }
};

TEST_P(HookMutation, IsNoticedAndNothingElseIs) {
  const MemoryOperation* operation = find_proof(GetParam());
  ASSERT_NE(operation, nullptr) << "a hook without an operation that proves it";
  const ProcessResult whole = run(*operation, "");
  if (whole.exit_status == kSkipStatus) {
    GTEST_SKIP() << whole.output;
  }
  ASSERT_TRUE(whole.passed()) << whole.output;
  EXPECT_FALSE(says(whole, "evictions=0")) << whole.output;
  EXPECT_TRUE(says(whole, "accusations=0 mismatches=0")) << whole.output;

  const ProcessResult mutated = run(*operation, "skip_hook:" + GetParam());
  const bool audited = says(whole, "audit=on");
  const bool accused = mutated.passed() && !says(mutated, "accusations=0");
  const bool caught_in_the_act = mutated.signal == SIGABRT && says(mutated, "was missed");
  const bool eviction_missing = mutated.passed() && says(mutated, "evictions=0");
  EXPECT_TRUE(accused || caught_in_the_act || eviction_missing) << mutated.output;
  if (operation->pages_change && audited) {
    EXPECT_TRUE(accused || caught_in_the_act) << mutated.output;
  }
}

std::vector<std::string> hook_names() {
  std::vector<std::string> names;
  for (const char* const* name = softgpu_hook_names(); *name != nullptr; ++name) {
    names.emplace_back(*name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, HookMutation, testing::ValuesIn(hook_names()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace softgpu_test
