// SPDX-License-Identifier: MIT
#include "harness/case.hpp"

#include <gtest/gtest.h>

namespace notifier {
namespace {

TEST(CaseName, ReadsBackAsItself) {
  Case wanted;
  wanted.memory = Memory::kManaged;
  wanted.perturbation = "fork_exit";
  wanted.policy = Policy::kDontfork;
  wanted.size_bytes = 4 << 20;
  EXPECT_EQ(wanted.name(), "managed/anon/fork_exit/dontfork/preempt/small/4MiB");
  const auto parsed = parse_case(wanted.name());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->name(), wanted.name());
}

TEST(CaseName, EachContextReadsBackAsItself) {
  for (const Context context : {Context::kSmall, Context::kFull, Context::kJob5ms}) {
    Case wanted;
    wanted.perturbation = "sham";
    wanted.context = context;
    wanted.size_bytes = 4 << 20;
    const auto parsed = parse_case(wanted.name());
    ASSERT_TRUE(parsed) << wanted.name();
    EXPECT_EQ(parsed->context, context);
  }
  EXPECT_EQ(parse_case("userptr/anon/sham/default/preempt/full/4MiB")->context, Context::kFull);
  EXPECT_EQ(job_ns(Context::kFull), 0u);
}

TEST(CaseName, RejectsWhatIsNone) {
  for (const char* name : {"", "userptr", "userptr/anon/fork_exit/default/preempt/small",
                           "userptr/anon/fork_exit/default/preempt/small/4MiB/more",
                           "nothing/anon/fork_exit/default/preempt/small/4MiB",
                           "userptr/anon/fork_exit/default/preempt/small/4Mib"}) {
    EXPECT_FALSE(parse_case(name)) << name;
  }
}

TEST(Size, FormatsInTheLargestUnitThatDivides) {
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1), "1B");
  EXPECT_EQ(format_size(1536), "1536B");
  EXPECT_EQ(format_size(64 << 10), "64KiB");
  EXPECT_EQ(format_size(std::uint64_t{3} << 30), "3GiB");
}

TEST(Size, ParsesWhatItFormatsAndPlainBytes) {
  for (const std::uint64_t size_bytes : {1ull, 4096ull, 65536ull, 3ull << 30}) {
    EXPECT_EQ(parse_size(format_size(size_bytes)), size_bytes);
  }
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("0"), 0u);
}

TEST(Size, RejectsTextSignsAndOverflow) {
  for (const char* text :
       {"", "MiB", "-1", "4MB", "4 MiB", "1.5MiB", "9000000000000GiB", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

}  // namespace
}  // namespace notifier
