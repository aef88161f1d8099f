// SPDX-License-Identifier: MIT
#include "bench/recipe.hpp"

#include <gtest/gtest.h>

#include "harness/perturbation.hpp"

namespace notifier {
namespace {

analysis::SummaryRow row_of(const Mitigation& mitigation, analysis::Metric metric, double p50,
                            double max) {
  analysis::SummaryRow row;
  row.case_name = mitigation.measured.name();
  row.events = analysis::EventSet::kAll;
  row.metric = analysis::info(metric).name;
  row.p50 = p50;
  row.max = max;
  return row;
}

TEST(Recipe, EveryWayIsACaseThatCanRun) {
  ASSERT_FALSE(recipe_names().empty());
  for (const std::string& name : recipe_names()) {
    EXPECT_GE(recipe(name).size(), 2u) << name;
    for (const Mitigation& mitigation : recipe(name)) {
      const Case& wanted = mitigation.measured;
      const Perturbation* row = find_perturbation(wanted.perturbation);
      ASSERT_NE(row, nullptr) << wanted.perturbation;
      EXPECT_TRUE(can_run(touch_rule(wanted, *row, usual_path(wanted.memory)), *row))
          << wanted.name();
    }
  }
  EXPECT_TRUE(recipe("no such").empty());
  EXPECT_EQ(recipe("model-loader", 1 << 20).front().measured.name(),
            "userptr/anon/load_pinned/default/preempt/job_5ms/1MiB");
}

TEST(Recipe, TheLastLineSaysWhatTheBestWayBought) {
  const std::vector<Mitigation> ways = recipe("data-loader");
  std::vector<analysis::SummaryRow> rows{row_of(ways[0], analysis::Metric::kStall, 50e6, 60e6),
                                         row_of(ways[1], analysis::Metric::kStall, 0.1e6, 0.2e6),
                                         row_of(ways[2], analysis::Metric::kStall, 0.1e6, 0.3e6)};
  EXPECT_NE(recipe_markdown("data-loader", rows)
                .find("dontfork bought most: a worst step of 200 µs instead of 60.0 ms (300.0 "
                      "times less), a call of - instead of -"),
            std::string::npos)
      << recipe_markdown("data-loader", rows);
  rows[1].max = rows[2].max = 70e6;
  EXPECT_NE(recipe_markdown("data-loader", rows).find("no mitigation bought anything"),
            std::string::npos);
  rows.resize(1);
  EXPECT_NE(recipe_markdown("data-loader", rows).find("nothing to compare"), std::string::npos);
}

}  // namespace
}  // namespace notifier
