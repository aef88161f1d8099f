// SPDX-License-Identifier: MIT
#include "analysis/compare/comparison.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/compare/false_alarms.hpp"
#include "analysis/compare/plan.hpp"
#include "analysis/compare/selection.hpp"
#include "analysis/compare/simulated_runs.hpp"

namespace notifier::analysis {
namespace {

RunSet side(double shift, const std::string& label, std::size_t cases = 3,
            const std::string& boot = "same") {
  SimulatedSide simulated;
  simulated.cases = cases;
  simulated.events = 60;
  simulated.event_noise = 0.02;
  simulated.shift = std::log1p(shift);
  simulated.shifted_cases = 1;
  return simulate_runs(simulated, label == "old" ? 1 : 2, label, boot);
}

const Row* find(const Comparison& comparison, const std::string& case_name,
                const std::string& statistic) {
  for (const Row& row : comparison.rows) {
    if (row.case_name == case_name && row.statistic == statistic) return &row;
  }
  return nullptr;
}

TEST(Compare, FindsTheChangedCaseAndShowsThatTheOthersAreTheSame) {
  const Comparison comparison = compare(side(0, "old"), side(0.2, "new"), {}, {});
  EXPECT_EQ(comparison.gate_family, 3u);
  EXPECT_EQ(comparison.report_family, 6u);  // p50 and p90 of three cases
  const Row* slower = find(comparison, "case0000", "p50");
  ASSERT_NE(slower, nullptr);
  EXPECT_EQ(slower->verdict, Verdict::kWorse);
  EXPECT_EQ(slower->gate, Gate::kRegression);
  EXPECT_NEAR(slower->judgement->effect, std::log(1.2), 0.02);
  EXPECT_EQ(find(comparison, "case0000", "p90")->verdict, Verdict::kWorse);
  EXPECT_EQ(find(comparison, "case0000", "p90")->gate, Gate::kNotCounted);
  EXPECT_EQ(find(comparison, "case0000", "p90")->interval_kind, "bootstrap_runs");
  EXPECT_EQ(find(comparison, "case0001", "p50")->verdict, Verdict::kSame);
  EXPECT_EQ(find(comparison, "case0001", "p50")->gate, Gate::kSame);
  EXPECT_EQ(find(comparison, "case0001", "p99"), nullptr);  // 60 events are too few
  EXPECT_EQ(&comparison.rows.front(), slower);
  EXPECT_EQ(exit_code(comparison, false), 1);
  EXPECT_EQ(bisect_exit_code(comparison), 1);
}

TEST(Compare, AnImprovementIsNoRegression) {
  const Comparison comparison = compare(side(0.2, "old"), side(0, "new"), {}, {});
  EXPECT_EQ(find(comparison, "case0000", "p50")->verdict, Verdict::kBetter);
  EXPECT_EQ(exit_code(comparison, true), 0);
  EXPECT_EQ(bisect_exit_code(comparison), 0);
}

TEST(Compare, AHigherRateIsBetter) {
  RunSet old_runs = side(0, "old");
  RunSet new_runs = side(0.2, "new");
  for (RunSet* runs : {&old_runs, &new_runs}) {
    for (CaseRun& run : runs->runs) run.metrics[0].better = Better::kHigher;
  }
  EXPECT_EQ(find(compare(old_runs, new_runs, {}, {}), "case0000", "p50")->verdict,
            Verdict::kBetter);
}

// 3 against 3 runs: no 95 % interval exists, whatever the effect.
TEST(Compare, FewRunsAreUndecidedAndSayHowManyMore) {
  const auto few = [](const RunSet& runs) {
    return select_runs(
        runs, [](const CaseRun& run, const RecordingInfo&) { return run.identity.run < 3; });
  };
  const Comparison comparison = compare(few(side(0, "old")), few(side(1, "new")), {}, {});
  const Row* row = find(comparison, "case0000", "p50");
  EXPECT_EQ(row->verdict, Verdict::kUndecided);
  EXPECT_EQ(row->gate, Gate::kUndecided);
  EXPECT_EQ(row->further, 2u);  // five a side: 2/252 passes 0.05 / 3
  EXPECT_NE(row->reason.find("few runs: 3 against 3"), std::string::npos) << row->reason;
  EXPECT_EQ(exit_code(comparison, false), 0);
  EXPECT_EQ(exit_code(comparison, true), 3);
  EXPECT_EQ(bisect_exit_code(comparison), 125);
}

// Six against six: 2/924 cannot pass 0.05 / 60, so the gate cannot decide; the report's correction
// still can, since the test is one of 120 that need not all be nulls.
TEST(Compare, AFamilyTooLargeForTheRunsIsUndecidedAndSaysSo) {
  const auto six = [](const RunSet& runs) {
    return select_runs(
        runs, [](const CaseRun& run, const RecordingInfo&) { return run.identity.run < 6; });
  };
  const Comparison comparison = compare(six(side(0, "old", 60)), six(side(0.3, "new", 60)), {}, {});
  const Row* row = find(comparison, "case0000", "p50");
  EXPECT_EQ(row->gate, Gate::kUndecided);
  EXPECT_NE(row->reason.find("family: among 60 cases no p of 6 against 6 runs"), std::string::npos)
      << row->reason;
  EXPECT_NE(row->reason.find("7 a side can"), std::string::npos) << row->reason;
  EXPECT_NE(exit_code(comparison, false), 1);
}

TEST(Compare, OneBootASideIsAtMostUndecided) {
  const Comparison comparison =
      compare(side(0, "old", 3, "boot_a"), side(0.5, "new", 3, "boot_b"), {}, {});
  for (const Row& row : comparison.rows) {
    EXPECT_EQ(row.verdict, Verdict::kUndecided);
    EXPECT_NE(row.reason.find("boot: 1 against 1 boots"), std::string::npos) << row.reason;
  }
  EXPECT_EQ(exit_code(comparison, true), 3);
}

TEST(Compare, BootsOnFileDecideForOneBootASide) {
  SimulatedSide filed;
  filed.cases = 3;
  filed.boots = 10;
  filed.runs_per_boot = 4;
  filed.boot_noise = 0.005;
  const RunSet noise = simulate_runs(filed, 3, "file", "file");
  const Comparison comparison =
      compare(side(0, "old", 3, "boot_a"), side(0.5, "new", 3, "boot_b"), noise, {});
  EXPECT_EQ(find(comparison, "case0000", "p50")->gate, Gate::kRegression);
  EXPECT_EQ(find(comparison, "case0000", "p50")->judgement->test, TestUsed::kBootVariance);
}

TEST(Compare, RefusesWhatWasNotDeclared) {
  RunSet old_runs = side(0, "old");
  RunSet new_runs = side(0.2, "new");
  old_runs.recordings[0].environment = {{"cpu.governor", "performance"}};
  new_runs.recordings[0].environment = {{"cpu.governor", "powersave"}};
  const Comparison refused = compare(old_runs, new_runs, {}, {});
  EXPECT_TRUE(refused.refused);
  EXPECT_TRUE(refused.rows.empty());
  EXPECT_EQ(exit_code(refused, false), 3);
  EXPECT_EQ(bisect_exit_code(refused), 125);
  CompareOptions declared;
  declared.varied = {"cpu.governor"};
  EXPECT_FALSE(compare(old_runs, new_runs, {}, declared).refused);
  CompareOptions forced;
  forced.force = true;
  EXPECT_FALSE(compare(old_runs, new_runs, {}, forced).refused);
}

TEST(Compare, NeverMixesPlatformsUnlessForced) {
  const RunSet old_runs = side(0, "old");
  RunSet new_runs = side(0, "new");
  for (CaseRun& run : new_runs.runs) run.identity.platform = "rocm";
  CompareOptions options;
  options.varied = {"platform"};
  EXPECT_TRUE(compare(old_runs, new_runs, {}, options).refused);
  options.force = true;
  EXPECT_EQ(compare(old_runs, new_runs, {}, options).gate_family, 3u);
}

// Every second run on a second GPU, which is 30 % slower by nature.
RunSet on_two_devices(const std::string& label) {
  RunSet runs = side(0, label);
  for (CaseRun& run : runs.runs) {
    const bool is_second = run.identity.run % 2 == 1;
    run.identity.device = is_second ? "GPU 1" : "GPU 0";
    if (!is_second) continue;
    for (double& event : run.metrics.front().events) event *= 1.3;
  }
  return runs;
}

TEST(Compare, GpusOfOneMachineArePairedWithThemselves) {
  for (const bool force : {false, true}) {
    CompareOptions options;
    options.force = force;
    const Comparison comparison =
        compare(on_two_devices("old"), on_two_devices("new"), {}, options);
    EXPECT_FALSE(comparison.refused);
    EXPECT_TRUE(comparison.environment.empty());
    EXPECT_EQ(comparison.gate_family, 6u);  // 3 cases on each GPU
    EXPECT_EQ(exit_code(comparison, false), 0);
  }
}

TEST(Compare, AGpuOfOneSideIsARow) {
  RunSet old_runs = side(0, "old");
  for (CaseRun& run : old_runs.runs) run.identity.device = "GPU 0";
  const Comparison comparison = compare(old_runs, on_two_devices("new"), {}, {});
  EXPECT_FALSE(comparison.refused);
  EXPECT_EQ(comparison.environment.front().kind, DifferenceKind::kReported);
  EXPECT_EQ(comparison.gate_family, 3u);
  EXPECT_EQ(std::count_if(comparison.rows.begin(), comparison.rows.end(),
                          [](const Row& row) {
                            return row.device == "GPU 1" && row.reason == "only in new";
                          }),
            3);
}

void for_case(RunSet& runs, const std::string& name, const std::function<void(CaseRun&)>& change) {
  for (CaseRun& run : runs.runs) {
    if (run.identity.case_name == name) change(run);
  }
}

TEST(Compare, AnotherVersionOrWaveCountIsNotComparable) {
  const RunSet old_runs = side(0, "old");
  RunSet new_runs = side(0.5, "new");
  for_case(new_runs, "case0000", [](CaseRun& run) { run.identity.case_version = 2; });
  const Comparison comparison = compare(old_runs, new_runs, {}, {});
  const Row* row = find(comparison, "case0000", "p50");
  EXPECT_EQ(row->verdict, Verdict::kNotComparable);
  EXPECT_EQ(row->reason, "case_version 1 -> 2");
  EXPECT_EQ(comparison.gate_family, 2u);
  EXPECT_EQ(exit_code(comparison, false), 0);
  EXPECT_EQ(exit_code(comparison, true), 3);
}

TEST(Compare, ViolationsAreRegressionsWithTheirClasses) {
  RunSet new_runs = side(0, "new");
  new_runs.runs[0].identity.violations_torn = 2;
  new_runs.runs[1].identity.violations_lost = 1;
  const Comparison comparison = compare(side(0, "old"), new_runs, {}, {});
  const Row& row = comparison.rows.front();
  EXPECT_EQ(row.statistic, "violations");
  EXPECT_EQ(row.verdict, Verdict::kBroken);
  EXPECT_EQ(row.reason, "2 torn, 1 lost");
  EXPECT_EQ(exit_code(comparison, false), 1);
  EXPECT_EQ(bisect_exit_code(comparison), 1);
}

struct StatusCase {
  Status before;
  Status after;
  Verdict verdict;
  Gate gate;
  std::string reason;
};

TEST(Compare, StatusChangesAreRows) {
  const std::vector<StatusCase> cases = {
      {Status::kOk, Status::kFailed, Verdict::kBroken, Gate::kRegression,
       "10 of 10 runs failed: why"},
      {Status::kOk, Status::kSkipped, Verdict::kBroken, Gate::kRegression,
       "10 of 10 runs skipped: why"},
      {Status::kSkipped, Status::kFailed, Verdict::kBroken, Gate::kRegression,
       "10 of 10 runs failed: why"},
      {Status::kFailed, Status::kOk, Verdict::kRepaired, Gate::kImprovement,
       "10 of 10 runs failed before: why"},
      {Status::kSkipped, Status::kOk, Verdict::kRepaired, Gate::kImprovement,
       "10 of 10 runs skipped before: why"},
      {Status::kFailed, Status::kFailed, Verdict::kNotComparable, Gate::kNotCounted,
       "failed on both sides: why"},
      {Status::kFailed, Status::kSkipped, Verdict::kNotComparable, Gate::kNotCounted,
       "failed before, skipped now: why"},
      {Status::kSkipped, Status::kSkipped, Verdict::kNotComparable, Gate::kNotCounted,
       "skipped on both sides: why"},
  };
  for (const StatusCase& expected : cases) {
    RunSet old_runs = side(0, "old");
    RunSet new_runs = side(0, "new");
    const auto set = [](Status status) {
      return [status](CaseRun& run) {
        run.identity.status = status;
        if (status == Status::kOk) return;
        run.identity.reason = "why";
        run.metrics.clear();
      };
    };
    for_case(old_runs, "case0000", set(expected.before));
    for_case(new_runs, "case0000", set(expected.after));
    const Comparison comparison = compare(old_runs, new_runs, {}, {});
    const Row* row = find(comparison, "case0000", "status");
    ASSERT_NE(row, nullptr) << expected.reason;
    EXPECT_EQ(row->verdict, expected.verdict) << expected.reason;
    EXPECT_EQ(row->gate, expected.gate) << expected.reason;
    EXPECT_EQ(row->reason, expected.reason);
  }
}

TEST(Compare, ACaseThatSometimesRanAndNeverRunsNowIsBroken) {
  RunSet old_runs = side(0, "old");
  RunSet new_runs = side(0, "new");
  const auto skip = [](CaseRun& run) {
    run.identity.status = Status::kSkipped;
    run.identity.reason = "why";
    run.metrics.clear();
  };
  for_case(old_runs, "case0000", [&](CaseRun& run) {
    if (run.identity.run == 0) skip(run);
  });
  for_case(new_runs, "case0000", skip);
  const Comparison comparison = compare(old_runs, new_runs, {}, {});
  const Row* row = find(comparison, "case0000", "status");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->reason, "all runs skipped: why");
  EXPECT_EQ(row->gate, Gate::kRegression);
}

TEST(Compare, ACaseOfOneSideIsARow) {
  const Comparison comparison = compare(side(0, "old", 2), side(0, "new", 3), {}, {});
  EXPECT_EQ(find(comparison, "case0002", "status")->reason, "only in new");
  EXPECT_EQ(find(comparison, "case0002", "status")->verdict, Verdict::kNotComparable);
}

TEST(Compare, ANewPathOfTheMemoryIsNamedBesideTheFigures) {
  RunSet old_runs = side(0, "old");
  RunSet new_runs = side(0.5, "new");
  for (CaseRun& run : old_runs.runs) run.identity.memory_path = "userptr_bo";
  for (CaseRun& run : new_runs.runs) run.identity.memory_path = "svm_range";
  const Comparison comparison = compare(old_runs, new_runs, {}, {});
  EXPECT_EQ(find(comparison, "case0000", "p50")->reason, "memory_path userptr_bo -> svm_range");
}

// Nothing of one case is random here: nine of ten events at 1 ms against six of ten, rest at 2 ms.
TEST(Compare, AChangedShapeIsFoundThoughTheMedianStays) {
  RunSet old_runs = side(0, "old", 1);
  RunSet new_runs = side(0, "new", 1);
  const auto set = [](RunSet& runs, std::size_t slow) {
    for (CaseRun& run : runs.runs) {
      run.metrics[0].events.assign(10 - slow, 1e6);
      run.metrics[0].events.insert(run.metrics[0].events.end(), slow, 2e6);
      run.metrics[0].n = 10;
    }
  };
  set(old_runs, 1);
  set(new_runs, 4);
  const Comparison comparison = compare(old_runs, new_runs, {}, {});
  EXPECT_EQ(find(comparison, "case0000", "p50")->verdict, Verdict::kSame);
  EXPECT_EQ(find(comparison, "case0000", "shape")->verdict, Verdict::kWorse);
}

TEST(Compare, CorrectedValuesDoNotDependOnTheOrderOfTheRuns) {
  RunSet old_runs = side(0, "old");
  RunSet new_runs = side(0.05, "new");
  const Comparison first = compare(old_runs, new_runs, {}, {});
  std::reverse(old_runs.runs.begin(), old_runs.runs.end());
  const Comparison second = compare(old_runs, new_runs, {}, {});
  ASSERT_EQ(first.rows.size(), second.rows.size());
  for (std::size_t i = 0; i < first.rows.size(); ++i) {
    EXPECT_EQ(first.rows[i].q, second.rows[i].q);
    EXPECT_EQ(first.rows[i].judgement->interval->low, second.rows[i].judgement->interval->low);
  }
}

TEST(FalseAlarms, AreRareOnEqualHalves) {
  SimulatedSide simulated;
  simulated.cases = 5;
  simulated.runs_per_boot = 20;
  simulated.events = 30;
  simulated.event_noise = 0.02;
  const RunSet runs = simulate_runs(simulated, 9, "aa", "aa");
  const FalseAlarms alarms = measure_false_alarms(runs, {}, 50, 1);
  EXPECT_EQ(alarms.splits, 50u);
  EXPECT_EQ(alarms.rows, 250u);
  EXPECT_EQ(alarms.split_by, "run");
  EXPECT_LE(alarms.splits_with_gate_alarm, 5u);
  EXPECT_GT(alarms.rows_same, 200u);
}

TEST(FalseAlarms, OfRunsThatDifferAreSeen) {
  // Half of the runs are twice as slow: exchangeable, so rarely an alarm; with all noise gone the
  // count of rows shown to be the same drops to what luck gives.
  SimulatedSide simulated;
  simulated.runs_per_boot = 20;
  simulated.events = 30;
  simulated.slow_mode_share = 0.5;
  simulated.slow_mode_factor = 2;
  const FalseAlarms alarms =
      measure_false_alarms(simulate_runs(simulated, 9, "aa", "aa"), {}, 50, 1);
  EXPECT_LT(alarms.rows_same, alarms.rows / 2);
  RunSet three = simulate_runs({.runs_per_boot = 3}, 1, "x", "x");
  EXPECT_THROW(measure_false_alarms(three, {}, 5, 1), std::invalid_argument);
}

TEST(Plan, AsksForMoreRunsWhereThereIsMoreNoise) {
  SimulatedSide quiet;
  quiet.events = 30;
  quiet.event_noise = 0.001;
  quiet.run_noise = 0.005;
  SimulatedSide noisy = quiet;
  noisy.run_noise = 0.03;
  PlanOptions options;
  const Plan quiet_plan = make_plan(simulate_runs(quiet, 1, "a", "a"), options);
  const Plan noisy_plan = make_plan(simulate_runs(noisy, 1, "a", "a"), options);
  ASSERT_TRUE(quiet_plan.rows[0].runs_needed);
  ASSERT_TRUE(noisy_plan.rows[0].runs_needed);
  EXPECT_LT(*quiet_plan.rows[0].runs_needed, *noisy_plan.rows[0].runs_needed);
  EXPECT_EQ(quiet_plan.rows[0].metric, "stall_ns");
  // the estimate is an upper limit, so above the truth more often than not
  EXPECT_NEAR(*quiet_plan.rows[0].run_noise, 0.005, 0.003);
}

TEST(Plan, SaysWhyItCannotSay) {
  const Plan plan = make_plan(simulate_runs({.runs_per_boot = 1}, 1, "a", "a"), {});
  EXPECT_FALSE(plan.rows[0].runs_needed);
  EXPECT_EQ(plan.rows[0].reason, "one run a boot says nothing about noise");
}

}  // namespace
}  // namespace notifier::analysis
