// SPDX-License-Identifier: MIT
// The random model, run whole in each recovery, and with each fault planted that it must find.
#include "model.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

// The driver's queue holds 8 KiB and drops what comes after: a step writes a few hundred bytes.
constexpr std::uint64_t kStepsBetweenLooks = 8;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

void require_no_accusation(DriverLog& log, const Model& model) {
  const std::size_t accusations = log.accusations();
  if (accusations != 0) {
    model.print_state();
  }
  REQUIRE(accusations == 0);
}

PROCESS_BODY(random_operations) {
  const std::uint64_t steps = number_from("SOFTGPU_MODEL_STEPS", 3'000);
  const std::uint64_t seed = number_from("SOFTGPU_MODEL_SEED", std::random_device()());
  std::printf("SOFTGPU_MODEL_SEED=%llu SOFTGPU_MODEL_STEPS=%llu\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(steps));
  std::fflush(stdout);
  DriverLog log;
  int retry = 0;
  REQUIRE_HIP(hipDeviceGetAttribute(&retry, hipDeviceAttributePageableMemoryAccess, 0));
  const char* wave_save = std::getenv("SOFTGPU_CWSR");
  const Model::Device device{.retries = retry != 0,
                             .job_each = wave_save != nullptr && std::string(wave_save) == "0"};
  Model model(seed, device, log);
  for (std::uint64_t step = 0; step < steps; ++step) {
    model.step();
    if (step % kStepsBetweenLooks == 0) {
      require_no_accusation(log, model);
    }
  }
  model.finish();
  softgpu_audit_now();
  require_no_accusation(log, model);
}

constexpr char kSeedVariable[] = "SOFTGPU_MODEL_SEED";

void run_model(Environment environment) {
  const std::uint64_t seed = std::random_device()();
  environment.insert({kSeedVariable, std::to_string(number_from(kSeedVariable, seed))});
  const ProcessResult result = run_process("random_operations", environment);
  std::printf("%s", result.output.c_str());  // the seed
  expect_passed(result);
}

TEST(Model, PreemptionWithoutDelays) { run_model({{"SOFTGPU_DELAYS", "off"}}); }

TEST(Model, PreemptionWithDelays) { run_model({{"SOFTGPU_MODEL_STEPS", "500"}}); }

TEST(Model, RetryFaultsWithoutDelays) {
  run_model({{"SOFTGPU_DELAYS", "off"}, {"HSA_XNACK", "1"}});
}

TEST(Model, RetryFaultsWithDelays) {
  run_model({{"HSA_XNACK", "1"}, {"SOFTGPU_MODEL_STEPS", "500"}});
}

TEST(Model, WaitingForJobsWithoutDelays) {
  run_model({{"SOFTGPU_DELAYS", "off"}, {"SOFTGPU_CWSR", "0"}});
}

/// The model must be able to fail: what each of these breaks has to come out.
class ModelFinds : public testing::TestWithParam<std::string> {};

/// What the plant broke came out: as a wrong value, an accusation, or a wave that went on with a
/// page-table entry that the CPU's forbids.
bool is_found(const ProcessResult& result) {
  const auto says = [&](const char* text) { return result.output.find(text) != std::string::npos; };
  return (result.exit_status == 1 && says("does not hold")) ||
         (result.signal == SIGABRT && says("an invalidation was missed"));
}

/// Five seeds: pages that the kernel migrates anywhere on the machine meanwhile excuse as many
/// missed ones, so another program's compaction can hide what only the audit of page frames sees.
ProcessResult look_for(const std::string& plant, const Environment& recovery) {
  ProcessResult result;
  for (int seed = 7; seed < 12 && !is_found(result); ++seed) {
    Environment environment = recovery;
    environment.insert({{"SOFTGPU_PLANT", plant},
                        {"SOFTGPU_DELAYS", "off"},
                        {"SOFTGPU_MODEL_SEED", std::to_string(seed)}});
    const ProcessResult next = run_process("random_operations", environment);
    std::printf("%s in %s: seed %d: %s\n", plant.c_str(),
                recovery.empty() ? "preemption" : recovery.begin()->first.c_str(), seed,
                is_found(next) ? "found" : "not found");
    result = next;
  }
  return result;
}

TEST_P(ModelFinds, InEachRecovery) {
  for (const Environment& recovery :
       {Environment{}, Environment{{"HSA_XNACK", "1"}}, Environment{{"SOFTGPU_CWSR", "0"}}}) {
    const ProcessResult result = look_for(GetParam(), recovery);
    EXPECT_TRUE(is_found(result)) << result.output;
  }
}

/// Each plant of settings.cpp that damages memory, and each hook. slow_restore is late, wide stops
/// more than it must, and the model's kernels hold no context for the other three.
std::vector<std::string> everything_to_find() {
  std::vector<std::string> plants = {
      "stale", "foreign",      "lost",           "torn",
      "zero",  "early_resume", "lost_copy_back", "stale_device_copy"};
  for (const char* const* hook = softgpu_hook_names(); *hook != nullptr; ++hook) {
    plants.push_back(std::string("skip_hook:") + *hook);
  }
  return plants;
}

INSTANTIATE_TEST_SUITE_P(Plants, ModelFinds, testing::ValuesIn(everything_to_find()));

}  // namespace
}  // namespace softgpu_test
