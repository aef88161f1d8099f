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
nlohmann::json described(const std::string& perturbation, const char* planted) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "userptr/anon/" + perturbation + "/default/preempt/small/64KiB",
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
