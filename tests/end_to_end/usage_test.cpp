// SPDX-License-Identifier: MIT
// The command line: what is refused, how, and what the listings show.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "command.hpp"

namespace notifier::testing {
namespace {

void expect_refused(std::vector<std::string> arguments, const std::string& because) {
  const Finished finished = bench(std::move(arguments)).run();
  EXPECT_EQ(finished.exit_code, 2) << finished.err;
  EXPECT_NE(finished.err.find(because), std::string::npos) << finished.err;
}

TEST(Usage, BadArgumentsAreRefusedWithTheReason) {
  expect_refused({"--bogus"}, "--bogus");
  expect_refused({"--size", "0"}, "0 measures nothing");
  expect_refused({"--size", "4097"}, "4096");
  expect_refused({"--size", "many"}, "is no size");
  expect_refused({"--size", "1000000GiB"}, "more memory than this machine has");
  expect_refused({"--filter", "no_such_case"}, "no case matches");
  expect_refused({"--filter", "sham("}, "is no regular expression");
  expect_refused({"--selection", "nothing"}, "nothing");
  expect_refused({"--runs", "0"}, "--runs");
  expect_refused({"--events", "-1"}, "--events");
  expect_refused({"--benchmark_format=csv"}, "summary.csv");
  expect_refused({"--benchmark_repetitions=0"}, "at least one run");
}

TEST(Usage, ListShowsEveryCaseAndWhyItDoesNotRun) {
  const Finished finished = bench({"--list"}).run();
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_NE(finished.out.find("managed/anon/map_fixed/default/preempt/small/4MiB"),
            std::string::npos);
  EXPECT_NE(finished.out.find("an SVM range ends with its mapping"), std::string::npos);
  EXPECT_NE(finished.out.find("hazardous on a real GPU"), std::string::npos);
}

/// First words of the list's lines, without its heading and its last line.
std::set<std::string> listed_names(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--list");
  std::istringstream lines(bench(std::move(arguments)).run().out);
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (line.find('/') < line.find(' ')) names.insert(line.substr(0, line.find(' ')));
  }
  return names;
}

/// What would be registered, one name a line.
std::set<std::string> planned_names(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--benchmark_list_tests");
  std::istringstream lines(bench(std::move(arguments)).run().out);
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) names.insert(line);
  return names;
}

TEST(Usage, AListIsOfWhatWouldRunWhereTheCommandLineSays) {
  const std::set<std::string> all = listed_names({});
  EXPECT_EQ(all, planned_names({"--all"}));
  const std::vector<std::vector<std::string>> choices{
      {"--selection", "quick"},    {"--selection", "default"},  {"--table", "fork-policy"},
      {"--recipe", "data-loader"}, {"--filter", "/fork_exit/"}, {"--selection", "quick", "--all"}};
  for (const std::vector<std::string>& chosen : choices) {
    const std::set<std::string> listed = listed_names(chosen);
    EXPECT_EQ(listed, planned_names(chosen)) << chosen[1];
    EXPECT_FALSE(listed.empty()) << chosen[1];
    EXPECT_EQ(listed == all, chosen.size() == 3) << chosen[1];
  }
}

TEST(Usage, ALongListIsOfTheChosenCasesPerturbations) {
  const Finished finished = bench({"--list", "--long", "--filter", "/fork_ex"}).run();
  EXPECT_EQ(finished.exit_code, 0);
  const std::regex heading("### (.*)\n");
  std::vector<std::string> described;
  for (auto match = std::sregex_iterator(finished.out.begin(), finished.out.end(), heading);
       match != std::sregex_iterator(); ++match) {
    described.push_back((*match)[1]);
  }
  EXPECT_EQ(described, (std::vector<std::string>{"fork_exit", "fork_exec"}));
  EXPECT_EQ(bench({"--list", "--long", "--selection", "default"}).run().out.find("### reclaim"),
            std::string::npos);
}

TEST(Usage, AFilterSeesTheCasesOwnNames) {
  const std::string name = "userptr/anon/sham/default/preempt/small/64KiB";
  EXPECT_EQ(bench({"--filter", "^" + name + "$", "--benchmark_list_tests"}).run().out, name + "\n");
  EXPECT_EQ(bench({"--filter", "-/", "--benchmark_list_tests"}).run().exit_code, 2);
  EXPECT_EQ(bench({"--benchmark_filter=-[^B]$", "--benchmark_list_tests"}).run().out,
            bench({"--benchmark_filter=all", "--benchmark_list_tests"}).run().out);
}

TEST(Usage, TheDescriptionOfTheCasesIsTheOneInTheDocs) {
  std::ifstream file(NOTIFIER_SOURCE_FOLDER "/docs/cases.md");
  const std::string stored{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(bench({"--list", "--long"}).run().out, stored)
      << "write it again: notifier_bench_softgpu --list --long > docs/cases.md";
}

TEST(Usage, TheDefaultSelectionHasAtMostFortyCases) {
  const Finished finished = bench({"--dry-run", "--seed", "1"}).run();
  EXPECT_EQ(finished.exit_code, 0);
  std::smatch match;
  ASSERT_TRUE(std::regex_search(finished.out, match, std::regex("(\\d+) cases, 1 run each")));
  EXPECT_LE(std::stoi(match[1]), 40);
  EXPECT_GE(std::stoi(match[1]), 20);
}

TEST(Usage, ASeedFixesTheSchedule) {
  const std::string first = bench({"--dry-run", "--seed", "5"}).run().out;
  EXPECT_EQ(first, bench({"--dry-run", "--seed", "5"}).run().out);
  EXPECT_NE(first, bench({"--dry-run", "--seed", "6"}).run().out);
}

TEST(Usage, HelpNamesEveryOption) {
  const Finished finished = bench({"--help"}).run();
  EXPECT_EQ(finished.exit_code, 0);
  for (const char* option : {"--list", "--dry-run", "--seed", "--runs", "--events", "--size",
                             "--waves", "--results", "--self-test", "--hazardous"}) {
    EXPECT_NE(finished.out.find(option), std::string::npos) << option;
  }
}

TEST(Usage, GoogleBenchmarkFiltersListsAndWritesJson) {
  const Finished listed = bench({"--all", "--benchmark_list_tests"}).run();
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_NE(listed.out.find("userptr/anon/sham/default/preempt/small/64KiB"), std::string::npos);

  const TemporaryFolder folder;
  const std::string json = folder.text() + "/out.json";
  const Finished finished =
      bench({"--benchmark_filter=userptr/anon/sham/default/preempt/small/64KiB", "--events", "5",
             "--no-self-test", "--results", folder.text(), "--benchmark_out=" + json,
             "--benchmark_out_format=json"})
          .run();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  std::ifstream in(json);
  const nlohmann::json written = nlohmann::json::parse(in);
  ASSERT_EQ(written.at("benchmarks").size(), 1u);
  EXPECT_GT(written["benchmarks"][0].at("p50_stall_ns").get<double>(), 0);
}

}  // namespace
}  // namespace notifier::testing
