// SPDX-License-Identifier: MIT
// Ratios that can be checked by hand.
#include "bench/observer_cost.hpp"

#include <gtest/gtest.h>

namespace notifier {
namespace {

ObservedRun run(std::uint32_t round, Observation without, double iteration_ns, double syscall_ns) {
  return {round, without, iteration_ns, syscall_ns, std::nullopt};
}

TEST(ObserverCost, ComparesWithinARoundOnly) {
  // The machine is twice as slow in the second round; the cost is the same.
  const std::vector<ObservedRun> runs{
      run(0, Observation::kNothing, 110, 2'000), run(0, Observation::kGapRing, 100, 2'000),
      run(1, Observation::kGapRing, 200, 4'000), run(1, Observation::kNothing, 220, 4'000)};
  const std::vector<ObserverCost> costs = observer_costs(runs);
  ASSERT_EQ(costs.size(), 1u);
  EXPECT_EQ(costs[0].without, Observation::kGapRing);
  EXPECT_EQ(costs[0].rounds, 2u);
  EXPECT_DOUBLE_EQ(*costs[0].iteration, 1.1);
  EXPECT_DOUBLE_EQ(*costs[0].syscall, 1);
  EXPECT_FALSE(costs[0].stall) << "nothing was measured";
}

TEST(ObserverCost, TheTableSaysWhetherTheGoalsAreReached) {
  const std::vector<ObserverCost> costs{{Observation::kGapRing, 3, 1.1, 1.05, 0.98},
                                        {Observation::kDriverEvents, 3, 1.11, 1, 1},
                                        {Observation::kIntegrity, 3, 1, 1.06, std::nullopt}};
  const std::string table = observer_cost_markdown(costs);
  EXPECT_NE(table.find("| gap ring | 3 | 1.100 | 1.050 | 0.980 | yes |\n"), std::string::npos)
      << table;
  EXPECT_NE(table.find("| driver-event listener | 3 | 1.110 | 1.000 | 1.000 | no |\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("| 3 | 1.000 | 1.060 | - | no |\n"), std::string::npos) << table;
}

TEST(ObserverCost, ARoundWithoutItsFullRunSaysNothing) {
  EXPECT_TRUE(observer_costs(std::vector{run(0, Observation::kIntegrity, 100, 2'000)}).empty());
}

}  // namespace
}  // namespace notifier
