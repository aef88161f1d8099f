// SPDX-License-Identifier: MIT
// The tool as a user runs it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "analysis/compare/report_columns.hpp"
#include "analysis/files.hpp"
#include "recording_files.hpp"

namespace notifier::analysis {
namespace {

class NotifierCompare : public testing::Test {
 protected:
  // Two recordings of one boot; "slow" is the new side's factor for one of its two cases.
  void write_sides(double slow, const std::string& new_kernel = "6.12.0") {
    FakeRecording old_side;
    old_side.name = "old";
    old_side.cases = {{"fork", steady_runs(10, 1)}, {"munmap", steady_runs(10, 1)}};
    old_side.write(folder_);
    FakeRecording new_side = old_side;
    new_side.name = "new";
    new_side.kernel = new_kernel;
    new_side.cases["fork"] = steady_runs(10, slow);
    new_side.write(folder_);
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  CommandResult compare(const std::string& arguments) const {
    return run_command(std::string(NOTIFIER_COMPARE) + " " + arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(NotifierCompare, ExitsWithTheOutcome) {
  write_sides(1.2);
  EXPECT_EQ(compare(path("old") + " " + path("new")).exit_code, 1);
  EXPECT_EQ(compare(path("new") + " " + path("old")).exit_code, 0);
  EXPECT_EQ(compare("--bisect " + path("old") + " " + path("new")).exit_code, 1);
  EXPECT_EQ(compare("--bisect " + path("new") + " " + path("old")).exit_code, 0);
}

/// The caller's own stall is the same on both sides; somebody else's doubled.
TEST_F(NotifierCompare, ShowsThatABystanderPaysMore) {
  FakeRecording side;
  side.name = "old";
  side.cases = {{"fork", steady_runs(10, 1)}};
  side.bystander_factor = 2;
  side.write(folder_);
  side.name = "new";
  side.bystander_factor = 4;
  side.write(folder_);
  const CommandResult all = compare("--all " + path("old") + " " + path("new"));
  EXPECT_NE(all.output.find("bystander_queue_stall_ns"), std::string::npos) << all.output;
  EXPECT_NE(all.output.find("+100"), std::string::npos) << all.output;
  // Only the headline decides unless one asks.
  EXPECT_EQ(all.exit_code, 0) << all.output;
  const CommandResult asked =
      compare("--metric bystander_queue_stall_ns " + path("old") + " " + path("new"));
  EXPECT_NE(asked.output.find("slower"), std::string::npos) << asked.output;
  EXPECT_EQ(asked.exit_code, 3) << "no headline, so nothing is decided: " << asked.output;
}

TEST_F(NotifierCompare, ShowsWhatChangedAndHowToMeasureItAgain) {
  write_sides(1.2);
  const CommandResult result = compare(path("old") + " " + path("new"));
  EXPECT_NE(result.output.find("▲  slower   regression  fork"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("+20.0 %"), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("munmap"), std::string::npos) << result.output;
  EXPECT_NE(
      result.output.find("./notifier_bench_softgpu --filter '^fork(/|$)' --runs 10 --events 3 "
                         "--seed 7"),
      std::string::npos)
      << result.output;
  EXPECT_EQ(result.output.find('\x1b'), std::string::npos);
  const CommandResult all = compare("--all --colour always " + path("old") + " " + path("new"));
  EXPECT_NE(all.output.find("munmap"), std::string::npos);
  EXPECT_NE(all.output.find('\x1b'), std::string::npos);
}

TEST_F(NotifierCompare, TableFiltersDoNotChangeTheExitCode) {
  write_sides(1.2);
  EXPECT_EQ(compare("--top 0 " + path("old") + " " + path("new")).exit_code, 1);
  EXPECT_EQ(compare("--quiet " + path("old") + " " + path("new")).exit_code, 1);
  EXPECT_EQ(compare("--quiet --case munmap " + path("old") + " " + path("new")).exit_code, 0);
}

TEST_F(NotifierCompare, RefusesAnUndeclaredKernel) {
  write_sides(1.2, "6.17.0");
  const CommandResult refused = compare(path("old") + " " + path("new"));
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.output.find("NOT DECLARED      kernel_release: 6.12.0 -> 6.17.0"),
            std::string::npos)
      << refused.output;
  EXPECT_EQ(compare("--vary kernel " + path("old") + " " + path("new")).exit_code, 1);
  EXPECT_EQ(compare("--bisect " + path("old") + " " + path("new")).exit_code, 125);
}

TEST_F(NotifierCompare, SplitsOneSetByAColumn) {
  write_sides(1.2, "6.17.0");
  const std::string by = "--by kernel_release " + folder_.path().string();
  EXPECT_EQ(compare(by + " --old 6.12.0 --new '6.17*'").exit_code, 1);
  const CommandResult none = compare(by + " --old 6.12.0 --new 7.0");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.standard_error, "no run has kernel_release '7.0'\n");
  EXPECT_EQ(compare("--by no_such_field " + folder_.path().string() + " --old a --new b").exit_code,
            2);
}

TEST_F(NotifierCompare, OneRunIsUndecided) {
  FakeRecording single;
  single.name = "one";
  single.cases["fork"] = steady_runs(1, 1);
  single.write(folder_);
  single.name = "other";
  single.cases["fork"] = steady_runs(1, 2);
  single.write(folder_);
  const CommandResult result = compare(path("one") + " " + path("other"));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.output.find("3 more runs a side"), std::string::npos) << result.output;
  EXPECT_EQ(compare("--strict " + path("one") + " " + path("other")).exit_code, 3);
  EXPECT_EQ(compare("--bisect " + path("one") + " " + path("other")).exit_code, 125);
}

TEST_F(NotifierCompare, BadUseAndInputExitWithTwo) {
  write_sides(1);
  for (const std::string& arguments :
       {std::string(), path("old"), path("old") + " /nonexistent", std::string("--nonsense"),
        "--old " + path("old"), "--min-effect 3 " + path("old") + " " + path("new"),
        "--case '(' " + path("old") + " " + path("new"),
        "--case nothing " + path("old") + " " + path("new"), path("old") + " " + path("old"),
        "--plan --aa 3 " + path("old")}) {
    const CommandResult result = compare(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments << "\n" << result.output;
    EXPECT_FALSE(result.standard_error.empty()) << arguments;
    // git bisect would take 2 for "bad"
    EXPECT_EQ(compare("--bisect " + arguments).exit_code, 125) << arguments;
  }
  EXPECT_EQ(compare(path("old") + " " + path("old")).standard_error,
            path("old") + ": recording 'old' is on both sides\n");
  folder_.write("new/samples.csv", "recording,case_name\nx");
  const CommandResult broken = compare(path("old") + " " + path("new"));
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_EQ(broken.standard_error, path("new/samples.csv") + ":1: wrong header: no column 'run'\n");
  EXPECT_EQ(compare("--help").exit_code, 0);
}

TEST_F(NotifierCompare, AReportThatCannotBeWrittenIsAnError) {
  write_sides(1);
  const CommandResult result =
      compare("--csv /nonexistent/x.csv " + path("old") + " " + path("new"));
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.standard_error, "/nonexistent/x.csv: cannot be written\n");
  EXPECT_EQ(compare(path("old") + " " + path("new") + " > /dev/full").exit_code, 4);
}

TEST_F(NotifierCompare, TheSameInputGivesTheSameBytes) {
  write_sides(1.04);
  const std::string reports = " --all --csv - --json - --markdown - --junit - --html - ";
  const CommandResult first = compare(reports + path("old") + " " + path("new"));
  const CommandResult second = compare(reports + path("old") + " " + path("new"));
  EXPECT_EQ(first.standard_output, second.standard_output);
  EXPECT_GT(first.standard_output.size(), 4000u);
}

TEST_F(NotifierCompare, CsvAndJsonHaveEveryRow) {
  write_sides(1.2);
  const CommandResult csv = compare("--quiet --csv - " + path("old") + " " + path("new"));
  std::istringstream in(csv.standard_output);
  RowReader<ReportRow> reader(report_columns(), in, "report");
  std::vector<ReportRow> rows;
  for (ReportRow row; reader.next(row);) rows.push_back(row);
  // p50 of both cases; three events are too few for more
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].verdict, "slower");
  EXPECT_EQ(rows[0].gate, "regression");
  EXPECT_NEAR(*rows[0].change, 0.2, 1e-9);
  EXPECT_EQ(rows[1].verdict, "same");
  const CommandResult json = compare("--quiet --json - " + path("old") + " " + path("new"));
  const auto document = nlohmann::json::parse(json.standard_output);
  EXPECT_EQ(document["exit_code"], 1);
  EXPECT_EQ(document["gate"]["regressions"], 1);
  ASSERT_EQ(document["rows"].size(), 2u);
  EXPECT_EQ(document["rows"][0]["case_name"], "fork");
  EXPECT_TRUE(document["rows"][0]["p"].is_number());
  EXPECT_TRUE(document["rows"][0]["further"].is_null());
}

TEST_F(NotifierCompare, MarkdownIsAsciiAndHoldsTheTable) {
  write_sides(1.2);
  const std::string text =
      compare("--quiet --markdown - " + path("old") + " " + path("new")).standard_output;
  for (const char character : text) ASSERT_LT(static_cast<unsigned char>(character), 0x80);
  EXPECT_NE(text.find("| slower (gate) | fork | stall_ns p50 |"), std::string::npos) << text;
  EXPECT_NE(text.find("To measure again:\n\n    ./notifier_bench_softgpu"), std::string::npos);
}

TEST_F(NotifierCompare, JunitFailsRegressions) {
  write_sides(1.2);
  const std::string text =
      compare("--quiet --junit - " + path("old") + " " + path("new")).standard_output;
  EXPECT_NE(text.find("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\""), std::string::npos)
      << text;
  EXPECT_NE(text.find("<failure type=\"slower\""), std::string::npos);
}

TEST_F(NotifierCompare, HtmlIsOneFileAndEscapesNames) {
  FakeRecording side;
  side.name = "old";
  side.cases["<b>&\"case"] = steady_runs(10, 1);
  side.write(folder_);
  side.name = "new";
  side.cases["<b>&\"case"] = steady_runs(10, 1.5);
  side.write(folder_);
  const std::string text =
      compare("--quiet --html - " + path("old") + " " + path("new")).standard_output;
  EXPECT_NE(text.find("&lt;b&gt;&amp;&quot;case"), std::string::npos);
  EXPECT_EQ(text.find("<b>&\"case"), std::string::npos);
  EXPECT_NE(text.find("<polyline class=\"curve\""), std::string::npos);
  for (const char* outside : {"http:", "https:", "<script", "<link", "@import", "url("}) {
    EXPECT_EQ(text.find(outside), std::string::npos) << outside;
  }
}

TEST_F(NotifierCompare, PlansAndMeasuresItsOwnFalseAlarms) {
  write_sides(1);
  const CommandResult plan = compare("--plan --effect 10% " + path("old"));
  EXPECT_EQ(plan.exit_code, 0);
  EXPECT_NE(plan.output.find("find a change of 10 %"), std::string::npos) << plan.output;
  // two cases, so 2/252 = 0.0079 at five a side is the first p below 0.025
  EXPECT_NE(plan.output.find("  20 s"), std::string::npos) << plan.output;
  const CommandResult never = compare("--plan --effect 1% " + path("old"));
  EXPECT_NE(never.output.find("Both sides together: n/a.\n"), std::string::npos) << never.output;
  const CommandResult alarms = compare("--aa 20 " + path("old"));
  EXPECT_EQ(alarms.exit_code, 0);
  EXPECT_NE(alarms.output.find("gate alarms        0 of 20 splits"), std::string::npos)
      << alarms.output;
}

TEST_F(NotifierCompare, ReadsGoogleBenchmarksJson) {
  const auto write = [&](const std::string& name, double factor) {
    nlohmann::json document;
    document["context"] = {{"host_name", "vm"}, {"executable", "./b"}};
    for (int i = 0; i < 10; ++i) {
      document["benchmarks"].push_back({{"name", "BM_x"},
                                        {"run_type", "iteration"},
                                        {"real_time", factor * (1 + 0.001 * i)},
                                        {"cpu_time", 1.0 + 0.001 * i},
                                        {"time_unit", "us"}});
    }
    folder_.write(name, document.dump());
  };
  write("a.json", 1);
  write("b.json", 1.5);
  const CommandResult result = compare(path("a.json") + " " + path("b.json"));
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_NE(result.output.find("./b --benchmark_filter='^BM_x$' --benchmark_repetitions=10"),
            std::string::npos)
      << result.output;
}

}  // namespace
}  // namespace notifier::analysis
