// SPDX-License-Identifier: MIT
#include "bench/replay.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace notifier {
namespace {

class Replay : public testing::Test {
 protected:
  Replay() {
    std::string name = testing::TempDir() + "replay_XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~Replay() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& manifest) { std::ofstream(folder_ / "manifest.json") << manifest; }

  std::filesystem::path folder_;
};

using Arguments = std::vector<std::string>;

TEST_F(Replay, TakesOptionsAndSeed) {
  write(R"({"seed": 42, "command": ["./bench", "--filter", "-fork", "--seed=7", "--results", "old",
            "--runs", "3"]})");
  EXPECT_EQ(replayed_arguments(folder_, {"--replay", "here", "--results", "new"}),
            (Arguments{"--filter", "-fork", "--runs", "3", "--results", "new", "--seed", "42"}));
}

TEST_F(Replay, WhatIsGivenAgainReplaces) {
  write(R"({"seed": 1, "command": ["./bench", "--filter=fork", "--events", "5", "--isolate"]})");
  EXPECT_EQ(replayed_arguments(folder_, {"--replay=here", "--filter", "sham"}),
            (Arguments{"--events", "5", "--isolate", "--filter", "sham", "--seed", "1"}));
}

TEST_F(Replay, RefusesWhatIsNoRecording) {
  EXPECT_THROW(replayed_arguments(folder_ / "nothing", {}), std::runtime_error);
  for (const char* manifest : {"", "{", "[]", R"({"seed": 1})", R"({"command": ["x"]})"}) {
    write(manifest);
    EXPECT_THROW(replayed_arguments(folder_, {}), std::runtime_error) << manifest;
  }
}

}  // namespace
}  // namespace notifier
