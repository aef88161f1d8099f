// SPDX-License-Identifier: MIT
// The instrument as a user sees it: planted delays show in their own part, traces and reports are
// whole, the meter is validated in several ways.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

using analysis::Metric;
using analysis::SampleRow;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kForkCase = "userptr/anon/fork_child_hold/default/preempt/small/64KiB";

std::vector<SampleRow> samples_of(const std::filesystem::path& recording) {
  std::ifstream in(recording / "samples.csv");
  analysis::RowReader<SampleRow> reader(analysis::sample_columns(), in, "samples.csv");
  std::vector<SampleRow> samples;
  SampleRow row;
  while (reader.next(row)) {
    if (row.kind == analysis::EventKind::kEvent) samples.push_back(row);
  }
  return samples;
}

nlohmann::json json_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return nlohmann::json::parse(in);
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct PlantedDelay {
  const char* hold;
  double duration_ns;
  Metric part;
};

class AttributionTest : public ::testing::TestWithParam<PlantedDelay> {};

// Parts are compared with each other and with the delay, never with what this machine is able to
// do: the held part is as long as the delay in every event, and each other part is shorter than it
// in some event.
TEST_P(AttributionTest, ADelayShowsInItsPartAndInNoOther) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "^userptr/anon/dontneed/default/preempt/small/64KiB$", "--events", "12",
             "--no-self-test", "--results", folder.text()})
          .environment("SOFTGPU_HOLD", GetParam().hold)
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  std::map<Metric, std::pair<double, double>> range;  // least and most over the events
  std::size_t decomposed = 0;
  for (const SampleRow& sample : samples_of(only_recording(folder.path()))) {
    if (!sample[Metric::kRevalidation]) continue;
    ++decomposed;
    for (const Metric part : {Metric::kEvictToStop, Metric::kNotifier, Metric::kRestoreDelay,
                              Metric::kRevalidation, Metric::kRestoreToProgress}) {
      const double part_ns = *sample[part];
      const auto [place, fresh] = range.try_emplace(part, part_ns, part_ns);
      place->second.first = std::min(place->second.first, part_ns);
      place->second.second = std::max(place->second.second, part_ns);
    }
    EXPECT_GE(*sample[Metric::kStall], GetParam().duration_ns);
  }
  ASSERT_GE(decomposed, 6u) << finished.out;
  // The wave's last progress may come an iteration after the notifier's hold has begun.
  EXPECT_GE(range[GetParam().part].first, 0.98 * GetParam().duration_ns);
  for (const auto& [part, least_most] : range) {
    if (part == GetParam().part) continue;
    EXPECT_LT(least_most.first, 0.5 * GetParam().duration_ns) << analysis::info(part).name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Phases, AttributionTest,
    ::testing::Values(PlantedDelay{"notifier:5ms", 5e6, Metric::kNotifier},
                      PlantedDelay{"revalidation:50ms", 50e6, Metric::kRevalidation},
                      PlantedDelay{"resume:20ms", 20e6, Metric::kRestoreToProgress}),
    [](const auto& tested) {
      return std::string(analysis::info(tested.param.part).name.substr(0, 7));
    });

TEST(Instrument, TracesTheWorstEventsAndWritesAReport) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--filter", std::string("^") + kForkCase + "$", "--events", "8",
                                   "--no-self-test", "--results", folder.text()})
                                .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const std::filesystem::path recording = only_recording(folder.path());
  const nlohmann::json trace = json_of(recording / "trace.json");
  std::set<std::string> names;
  int calls = 0;
  for (const nlohmann::json& event : trace.at("traceEvents")) {
    if (event.at("ph") == "M") names.insert(event.at("args").value("name", ""));
    if (event.at("name") == "fork_child_hold") ++calls;
  }
  EXPECT_EQ(calls, 3) << "the three worst";
  for (const char* track :
       {kForkCase, "caller", "supervisor", "restore worker", "child", "wave 0"}) {
    EXPECT_TRUE(names.count(track)) << track;
  }
  const std::string report = text_of(recording / "report.html");
  EXPECT_THAT(finished.out, HasSubstr("report.html"));
  EXPECT_THAT(report, HasSubstr(kForkCase));
  for (const char* outside : {"src=", "<link rel=\"stylesheet\"", "@import", "url("}) {
    EXPECT_THAT(report.substr(0, report.find("<script>")), Not(HasSubstr(outside)));
  }
  std::size_t scripts = 0;
  for (std::size_t at = 0; (at = report.find("</script>", at)) != std::string::npos; ++at) {
    ++scripts;
  }
  EXPECT_EQ(scripts, 2u) << "data and program; a case's name ends no script";
}

TEST(Instrument, TracesEveryEventWhenAsked) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "^userptr/anon/dontneed/default/preempt/small/64KiB$", "--events", "8",
             "--trace", "dontneed", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  int calls = 0;
  const nlohmann::json trace = json_of(only_recording(folder.path()) / "trace.json");
  for (const nlohmann::json& event : trace.at("traceEvents")) {
    if (event.at("name") == "dontneed") ++calls;
  }
  EXPECT_EQ(calls, 8);
}

TEST(Instrument, ExplainsACaseWithAnotherSizeAndWithDontfork) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--explain", kForkCase, "--events", "10", "--no-self-test",
                                   "--results", folder.text()})
                                .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("10 events"));
  EXPECT_THAT(finished.out, HasSubstr("Cause: "));
  const Finished unknown = bench({"--explain", "no/such/case"}).run();
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no/such/case"));
  if (finished.out.find("no untainted event has an eviction") != std::string::npos) {
    GTEST_SKIP() << "every event lost its CPU on this busy machine: nothing can be compared";
  }
  EXPECT_THAT(finished.out, HasSubstr("dontfork avoids the eviction"));
}

TEST(Instrument, TheManifestHoldsMeterAndCoherence) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "^userptr/anon/dontneed/default/preempt/small/64KiB$", "--events", "10",
             "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const nlohmann::json manifest = json_of(only_recording(folder.path()) / "manifest.json");
  std::set<std::string> methods;
  for (const auto& report : manifest.at("meter").at("reports")) methods.insert(report.at("method"));
  EXPECT_TRUE(methods.count("pause"));
  EXPECT_TRUE(methods.count("notifier"));
  EXPECT_EQ(methods.size() + manifest.at("meter").at("refusals").size(), 3u);
  const nlohmann::json& coherence = manifest.at("coherence");
  EXPECT_EQ(coherence.at("events"), 10);
  EXPECT_GE(coherence.at("decomposed"), coherence.at("checked"));
}

TEST(Instrument, PrecisionRunsUntilTheIntervalIsNarrowOrTimeIsUp) {
  const TemporaryFolder folder;
  const std::vector<std::string> common{
      "--filter",       "^userptr/anon/dontneed/default/preempt/small/64KiB$",
      "--events",       "3",
      "--no-self-test", "--results",
      folder.text()};
  std::vector<std::string> loose = common;
  loose.insert(loose.end(), {"--precision", "99%"});
  const Finished narrow = bench(loose).run();
  EXPECT_EQ(narrow.exit_code, 0) << narrow.out << narrow.err;
  EXPECT_THAT(narrow.out, HasSubstr(" after "));
  EXPECT_THAT(narrow.out, Not(HasSubstr("the time budget ended")));
  std::vector<std::string> tight = common;
  tight.insert(tight.end(), {"--precision", "0.0001%", "--time-budget", "1"});
  EXPECT_THAT(bench(tight).run().out, HasSubstr("the time budget ended"));
  EXPECT_EQ(bench({"--precision", "5"}).run().exit_code, 2);
}

TEST(Instrument, HistogramPrintsBins) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "^userptr/anon/dontneed/default/preempt/small/64KiB$", "--events", "10",
             "--histogram", "--no-self-test", "--results", folder.text()})
          .run();
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr(" events "));
  EXPECT_THAT(finished.out, HasSubstr(" shams "));
}

}  // namespace
}  // namespace notifier::testing
