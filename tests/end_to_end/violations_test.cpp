// SPDX-License-Identifier: MIT
// What is said of wrong data, whoever finds it: class, place, epochs, time and the event that
// raced.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command.hpp"

namespace notifier::testing {
namespace {

/// What the manifest says of the violations of one 64 KiB case with this fault planted.
nlohmann::json described(const std::string& perturbation, const char* planted,
                         const std::string& context = "small") {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "userptr/anon/" + perturbation + "/default/preempt/" + context + "/64KiB",
             "--events", "5", "--no-self-test", "--results", folder.text()})
          .environment("SOFTGPU_PLANT", planted)
          .run();
  EXPECT_EQ(finished.exit_code, 1) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("VIOLATIONS"), std::string::npos) << finished.out;
  std::ifstream in(only_recording(folder.path()) / "manifest.json");
  return nlohmann::json::parse(in).at("violations");
}

void expect_parts(const std::string& text, const std::vector<const char*>& parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Violations, AreExitCodeOneAndDescribed) {
  const nlohmann::json violations = described("sham", "torn");
  ASSERT_FALSE(violations.empty());
  expect_parts(violations.begin()->at(0),
               {"torn: word ", " at 0x", "epoch ", " s into the recording, ", "event"});
}

/// A wave that gets a word of its context back wrong, in turn one of its registers and one of its
/// local memory, is found in both.
void expect_damaged_context(const char* planted, const char* kind) {
  const nlohmann::json violations = described("fork_exit", planted, "full");
  ASSERT_FALSE(violations.empty());
  std::string all;
  for (const nlohmann::json& text : violations.front()) all += text.get<std::string>() + "\n";
  expect_parts(all, {": register word 23 of lane 0 of wave 0", ": local word 1023 of lane 0"});
  for (const nlohmann::json& text : violations.front()) {
    EXPECT_TRUE(text.get<std::string>().starts_with(std::string(kind) + ": ")) << text;
  }
}

TEST(Violations, AWaveThatGetsAnOlderContextBackIsFound) {
  expect_damaged_context("lost_context", "lost");
}
TEST(Violations, AWaveThatGetsHalfOfAnOlderContextBackIsFound) {
  expect_damaged_context("torn_context", "torn");
}
TEST(Violations, AWaveThatDoesNotGetItsContextBackIsFound) {
  expect_damaged_context("zero_context", "zero");
}

/// Where no wave is preempted, nobody saves what it holds: the same plants have nothing to damage.
TEST(Violations, WithoutPreemptionNoContextIsDamaged) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter",
             "system/anon/fork_exit/default/retry_fault/small/64KiB|"
             "userptr/anon/fork_exit/default/(wait_for_jobs/job_5ms|preempt/small)/64KiB",
             "--events", "5", "--no-self-test", "--results", folder.text()})
          .environment("SOFTGPU_PLANT", "zero_context")
          .run();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("3 ok, 0 skipped, 0 failed; 0 integrity violations"),
            std::string::npos)
      << finished.out;
}

// A device that goes on writing into the old page is seen by the CPU's scan: the same is said of
// it.
TEST(Violations, WhatTheCpuFindsIsDescribedAsWell) {
  const nlohmann::json violations = described("fork_exit", "stale");
  ASSERT_FALSE(violations.empty());
  const nlohmann::json& kept = violations.front();
  EXPECT_LE(kept.size(), 16u);
  const auto seen = std::find_if(kept.begin(), kept.end(), [](const nlohmann::json& text) {
    return text.get<std::string>().find("seen by the CPU") != std::string::npos;
  });
  ASSERT_NE(seen, kept.end()) << kept;
  expect_parts(*seen, {"stale: word ", " at 0x", "epoch ", " s into the recording, after event",
                       "(fork_exit)"});
}

}  // namespace
}  // namespace notifier::testing
