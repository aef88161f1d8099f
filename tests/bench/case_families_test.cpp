// SPDX-License-Identifier: MIT
#include "bench/case_families.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bench/case_time.hpp"
#include "harness/folio_layout.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

SelectedCase one(const char* name, std::uint32_t events) { return {*parse_case(name), events}; }

TEST(CaseTime, GrowsWithSizeAndEventsAndNeverIsNothing) {
  const Case small = *parse_case("userptr/anon/fork_exit/default/preempt/small/64KiB");
  const Case large = *parse_case("userptr/anon/fork_exit/default/preempt/small/64MiB");
  const Case folios = *parse_case("userptr/mthp_64KiB/fork_exit/default/preempt/small/64MiB");
  const Case jobs = *parse_case("userptr/anon/fork_exit/default/wait_for_jobs/job_5ms/64KiB");
  EXPECT_GT(estimated_s(small, 1), 0);
  EXPECT_GT(estimated_s(small, 100), estimated_s(small, 10));
  EXPECT_GT(estimated_s(large, 10), estimated_s(small, 10));
  EXPECT_GT(estimated_s(folios, 10), estimated_s(large, 10));
  EXPECT_GT(estimated_s(jobs, 10), estimated_s(small, 10));
}

TEST(CaseTime, TakesEventsFromThoseThatHaveMost) {
  std::vector<SelectedCase> cases{one("userptr/anon/fork_exit/default/preempt/small/64KiB", 400),
                                  one("userptr/anon/dontneed/default/preempt/small/64KiB", 20),
                                  one("userptr/anon/exit_running/default/preempt/small/64KiB", 2)};
  const double all_s = estimated_s(cases);
  fit_into(all_s, 8, cases);
  EXPECT_EQ(cases[0].events, 400u);
  fit_into(all_s / 2, 8, cases);
  EXPECT_LE(estimated_s(cases), all_s / 2);
  EXPECT_GT(cases[0].events, 20u);
  EXPECT_EQ(cases[1].events, 20u);
  fit_into(0, 8, cases);
  EXPECT_EQ(cases[0].events, 8u);
  EXPECT_EQ(cases[1].events, 8u);
  EXPECT_EQ(cases[2].events, 2u);
}

/// The estimate is of a quiet machine; 45 minutes are allowed for full.
TEST(Selections, FitIntoTheirTime) {
  EXPECT_LE(estimated_s(selection("quick")), 120);
  EXPECT_LE(estimated_s(selection("full")), 30 * 60);
}

TEST(Selections, NameNoCaseTwice) {
  for (const std::string& name : selection_names()) {
    std::set<std::string> names;
    for (const SelectedCase& selected : selection(name)) {
      EXPECT_TRUE(names.insert(selected.wanted.name()).second)
          << name << ": " << selected.wanted.name();
      EXPECT_GT(selected.events, 0u);
    }
    EXPECT_FALSE(names.empty()) << name;
  }
}

/// Whatever can run at all is in the full selection, by operation and by what lies behind memory.
TEST(Selections, FullHasEachOperationAndEachBacking) {
  std::set<std::string> missing;
  for (const Case& wanted : all_cases({kMediumBytes})) {
    const Perturbation& row = *find_perturbation(wanted.perturbation);
    if (!can_run(touch_rule(wanted, row, usual_path(wanted.memory)), row)) continue;
    missing.insert(wanted.perturbation);
    missing.insert(std::string(to_string(wanted.backing)));
    missing.insert(std::string(to_string(wanted.memory)));
  }
  for (const SelectedCase& selected : selection("full")) {
    missing.erase(selected.wanted.perturbation);
    missing.erase(std::string(to_string(selected.wanted.backing)));
    missing.erase(std::string(to_string(selected.wanted.memory)));
  }
  EXPECT_TRUE(missing.empty()) << *missing.begin();
}

/// A full context is shown for what preempts, and is not in the default selection.
TEST(Selections, AFullContextHasAFewCases) {
  const auto with_full_context = [](const auto& cases, const auto& case_of) {
    std::set<std::string> names;
    for (const auto& one : cases) {
      if (case_of(one).context == Context::kFull) names.insert(case_of(one).name());
    }
    return names;
  };
  const auto itself = [](const Case& one) { return one; };
  const auto selected = [](const SelectedCase& one) { return one.wanted; };
  const auto all = with_full_context(all_cases({kMediumBytes}), itself);
  EXPECT_EQ(all.size(), 8u);
  EXPECT_EQ(all.count("userptr/anon/fork_child_hold/default/preempt/full/4MiB"), 1u);
  EXPECT_EQ(with_full_context(selection("quick"), selected), all);
  EXPECT_EQ(with_full_context(selection("full"), selected).size(), 3 * all.size());
  EXPECT_TRUE(with_full_context(selection("default"), selected).empty());
}

TEST(Selections, QuickShowsEachFolioSize) {
  std::set<Backing> shown;
  for (const SelectedCase& selected : selection("quick")) shown.insert(selected.wanted.backing);
  for (const Case& wanted : all_cases({kMediumBytes})) {
    if (!folio_layout(wanted.backing)) continue;
    EXPECT_TRUE(shown.count(wanted.backing) == 1) << to_string(wanted.backing);
  }
}

}  // namespace
}  // namespace notifier
