// SPDX-License-Identifier: MIT
#include "harness/bystander_set.hpp"

#include <gtest/gtest.h>

namespace notifier {
namespace {

TEST(BystanderSet, WordsRoundTrip) {
  for (unsigned bits = 0; bits < 1U << kBystanders; ++bits) {
    BystanderSet set;
    for (std::size_t i = 0; i < kBystanders; ++i) {
      if ((bits >> i & 1) != 0) set.add(static_cast<Bystander>(i));
    }
    EXPECT_EQ(parse_bystanders(set.words()), set) << set.words();
    EXPECT_EQ(set.empty(), bits == 0);
  }
  EXPECT_EQ(parse_bystanders("all")->words(), "queue,device,process,timer");
  EXPECT_EQ(parse_bystanders("timer,queue")->words(), "queue,timer");
}

TEST(BystanderSet, UnknownWordsAreRefused) {
  for (const char* words : {"", "queues", "queue,", ",queue", "queue,none", "queue timer"}) {
    EXPECT_FALSE(parse_bystanders(words)) << words;
  }
}

}  // namespace
}  // namespace notifier
