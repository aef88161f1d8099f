// SPDX-License-Identifier: MIT
// What is said of wrong data, whoever finds it: class, place, epochs, time and the event that
// raced.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "command.hpp"

namespace notifier::testing {
namespace {

TEST(Violations, AreExitCodeOneAndDescribed) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--filter", "userptr/anon/sham/default/preempt/.*64KiB",
                                   "--events", "5", "--no-self-test", "--results", folder.text()})
                                .environment("SOFTGPU_PLANT", "torn")
                                .run();
  EXPECT_EQ(finished.exit_code, 1) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("VIOLATIONS"), std::string::npos) << finished.out;
  std::ifstream in(only_recording(folder.path()) / "manifest.json");
  const nlohmann::json violations = nlohmann::json::parse(in).at("violations");
  ASSERT_FALSE(violations.empty());
  const std::string text = violations.begin()->at(0);
  for (const char* part : {"torn: word ", " at 0x", "epoch ", " s into the recording, ", "event"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

// A device that goes on writing into the old page is seen by the CPU's scan: the same is said of
// it.
TEST(Violations, WhatTheCpuFindsIsDescribedAsWell) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--filter", "userptr/anon/fork_exit/default/preempt/.*64KiB",
                                   "--events", "5", "--no-self-test", "--results", folder.text()})
                                .environment("SOFTGPU_PLANT", "stale")
                                .run();
  EXPECT_EQ(finished.exit_code, 1) << finished.out << finished.err;
  std::ifstream in(only_recording(folder.path()) / "manifest.json");
  const nlohmann::json violations = nlohmann::json::parse(in).at("violations");
  ASSERT_FALSE(violations.empty());
  const nlohmann::json& kept = violations.front();
  EXPECT_LE(kept.size(), 16u);
  const auto seen = std::find_if(kept.begin(), kept.end(), [](const nlohmann::json& text) {
    return text.get<std::string>().find("seen by the CPU") != std::string::npos;
  });
  ASSERT_NE(seen, kept.end()) << kept;
  const std::string text = *seen;
  for (const char* part :
       {"stale: word ", " at 0x", "epoch ", " s into the recording, after event", "(fork_exit)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace notifier::testing
