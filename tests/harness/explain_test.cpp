// SPDX-License-Identifier: MIT
#include "harness/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace notifier {
namespace {

using analysis::Metric;
using ::testing::HasSubstr;
using ::testing::Not;

Case forked(std::uint64_t size_bytes) {
  Case measured;
  measured.perturbation = "fork_child_hold";
  measured.size_bytes = size_bytes;
  return measured;
}

analysis::SampleRow evicted(double revalidation_ns) {
  analysis::SampleRow sample;
  sample[Metric::kSyscall] = 70e3;
  sample[Metric::kCallToEvict] = 5e3;
  sample[Metric::kEvictToStop] = 2e3;
  sample[Metric::kNotifier] = 50e3;
  sample[Metric::kRestoreDelay] = 1e6;
  sample[Metric::kRevalidation] = revalidation_ns;
  sample[Metric::kStopToRestore] = 1.05e6 + revalidation_ns;
  sample[Metric::kRestoreToProgress] = 50e3;
  sample[Metric::kStall] = 1.1e6 + revalidation_ns;
  sample.evictions = 1;
  return sample;
}

analysis::SampleRow quiet() {
  analysis::SampleRow sample;
  sample[Metric::kStall] = 2e3;
  sample.evictions = 0;
  return sample;
}

TEST(Explain, MeasuresAnotherSizeAndDontfork) {
  const std::vector<Case> cases = cases_to_explain(forked(64 << 20));
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_EQ(cases[0].name(), forked(64 << 20).name());
  EXPECT_EQ(cases[1].size_bytes, 4u << 20);
  EXPECT_EQ(cases[2].policy, Policy::kDontfork);
  EXPECT_EQ(cases_to_explain(forked(64 << 10))[1].size_bytes, 1u << 20) << "no smaller one";
}

TEST(Explain, OffersDontforkOnlyWhereAForkEvicts) {
  Case measured = forked(64 << 20);
  measured.perturbation = "mprotect_ro_rw";
  EXPECT_EQ(cases_to_explain(measured).size(), 2u);
  measured = forked(64 << 20);
  measured.policy = Policy::kDontfork;
  EXPECT_EQ(cases_to_explain(measured).size(), 2u);
}

TEST(Explain, NamesShareCauseGrowthAndRemedy) {
  std::vector<ExplainedCase> cases;
  for (const Case& one : cases_to_explain(forked(64 << 20))) cases.push_back({one, {}});
  cases[0].samples = {evicted(16e6), evicted(16e6), evicted(90e6)};
  cases[1].samples = {evicted(1e6)};
  cases[2].samples = {quiet(), quiet()};
  const std::string text = explain(cases);
  EXPECT_THAT(text, HasSubstr("94 % of the stall is revalidation of 16384 pages (977 ns a page)"));
  EXPECT_THAT(text, HasSubstr("It grows with size"));
  EXPECT_THAT(text, HasSubstr("16.0 times for 16 times the memory"));
  EXPECT_THAT(text, HasSubstr("dontfork avoids the eviction"));
  EXPECT_THAT(text, HasSubstr("stall 17.1 ms")) << "the middle event, not the longest";
}

TEST(Explain, SaysWhatDoesNotGrowAndWhatDoesNotHelp) {
  std::vector<ExplainedCase> cases;
  for (const Case& one : cases_to_explain(forked(64 << 20))) cases.push_back({one, {}});
  cases[0].samples = {evicted(0.1e6)};  // the delay is longer
  cases[1].samples = {evicted(0.1e6)};
  cases[2].samples = {evicted(0.1e6)};
  const std::string text = explain(cases);
  EXPECT_THAT(text, HasSubstr("is restore delay: "));
  EXPECT_THAT(text, HasSubstr("It hardly grows with size"));
  EXPECT_THAT(text, HasSubstr("dontfork does not avoid the eviction"));
}

TEST(Explain, WithoutAnEvictionThereIsNoPartToBlame) {
  const std::vector<ExplainedCase> cases{{forked(64 << 10), {quiet()}}};
  const std::string text = explain(cases);
  EXPECT_THAT(text, HasSubstr("no untainted event has an eviction"));
  EXPECT_THAT(text, Not(HasSubstr("revalidation")));
  EXPECT_EQ(explain({}), "no event to explain\n");
}

TEST(Explain, TaintedEventsDoNotStandForTheCase) {
  std::vector<ExplainedCase> cases{
      {forked(64 << 10), {evicted(1e6), evicted(80e6), evicted(90e6)}}};
  cases[0].samples[1].flags = cases[0].samples[2].flags = "lost_cpu";
  EXPECT_THAT(explain(cases), HasSubstr("stall 2.10 ms"));
}

}  // namespace
}  // namespace notifier
