// SPDX-License-Identifier: MIT
// Which recordings the pairs of the dashboard hold.
#include "analysis/site/comparisons.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "analysis/compare/compare_options.hpp"
#include "analysis/compare/read_input.hpp"
#include "tests/analysis/recording_files.hpp"

namespace notifier::site {
namespace {

/// A machine that made one recording under each kernel, in this order; recording N is in folder N.
struct Nights {
  explicit Nights(const std::vector<std::string>& kernels) {
    Timeline timeline;
    timeline.machine = "box";
    timeline.platform = "kvm";
    FieldHistory history;
    history.field = "kernel.release";
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      recordings.emplace_back();
      recordings.back().folder = std::to_string(i);
      recordings.back().started_utc = fmt::format("2026-01-{:02}T00:00:00Z", i + 1);
      timeline.recordings.push_back(&recordings.back());
      if (i == 0 || kernels[i] != kernels[i - 1]) {
        history.values.emplace_back(static_cast<std::uint32_t>(i), kernels[i]);
      }
    }
    timeline.environment.push_back(history);
    model.timelines.push_back(timeline);
  }
  ComparisonPair kernel_pair() const {
    for (const ComparisonPair& pair : choose_pairs(model)) {
      if (pair.kind == "kernel") return pair;
    }
    return {};
  }
  std::deque<RecordingData> recordings;
  Model model;
};

using Folders = std::vector<std::filesystem::path>;

TEST(Comparisons, ANewKernelIsComparedWithTheNightsBeforeIt) {
  const ComparisonPair pair = Nights({"6.1", "6.1", "6.12", "6.12"}).kernel_pair();
  EXPECT_EQ(pair.title, "box · kvm: kernel 6.12 against 6.1");
  EXPECT_EQ(pair.old_folders, (Folders{"0", "1"}));
  EXPECT_EQ(pair.new_folders, (Folders{"2", "3"}));
}

TEST(Comparisons, KernelsBootedInTurnAreNotMixed) {
  // The last change is from 7.3 to 6.1: nothing of 6.12 belongs to it.
  const ComparisonPair pair =
      Nights({"6.1", "6.12", "7.3", "6.1", "6.12", "7.3", "6.1"}).kernel_pair();
  EXPECT_EQ(pair.title, "box · kvm: kernel 6.1 against 7.3");
  EXPECT_EQ(pair.old_folders, (Folders{"2", "5"}));
  EXPECT_EQ(pair.new_folders, (Folders{"0", "3", "6"}));
}

TEST(Comparisons, EachOfManyKernelsInTurnIsComparedWithTheOldest) {
  Nights nights({"6.12", "6.9", "10.1", "6.12", "6.9", "10.1"});
  nights.model.timelines[0].environment[0].unsteady = true;  // what so many changes make of a field
  std::vector<ComparisonPair> found;
  for (const ComparisonPair& pair : choose_pairs(nights.model)) {
    if (pair.kind == "kernel") found.push_back(pair);
  }
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].title, "box · kvm: kernel 6.12 against 6.9");
  EXPECT_EQ(found[0].old_folders, (Folders{"4", "1"}));
  EXPECT_EQ(found[0].new_folders, (Folders{"3", "0"}));
  EXPECT_EQ(found[1].title, "box · kvm: kernel 10.1 against 6.9");
}

TEST(Comparisons, AWeekOfNightsNextToTheChangeIsEnough) {
  std::vector<std::string> kernels(10, "6.1");
  kernels.resize(20, "6.12");
  const ComparisonPair pair = Nights(kernels).kernel_pair();
  EXPECT_EQ(pair.old_folders, (Folders{"3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(pair.new_folders, (Folders{"10", "11", "12", "13", "14", "15", "16"}));
}

TEST(Comparisons, OneKernelMakesNoPair) {
  EXPECT_EQ(Nights({"6.1", "6.1"}).kernel_pair().kind, "");
}

/// Ten recordings of one run; two of its three events are flagged, as in a busy guest, and the one
/// that is left says the opposite of them.
Folders guest_recordings(const analysis::TemporaryFolder& folder, const std::string& kernel,
                         const std::vector<double>& events) {
  Folders written;
  for (int boot = 0; boot < 10; ++boot) {
    analysis::FakeRecording recording;
    recording.name = fmt::format("{}_{}", kernel, boot);
    recording.kernel = kernel;
    recording.boot = recording.name;
    recording.environment = fmt::format(R"({{"kernel": {{"release": "{}"}}}})", kernel);
    recording.flagged_events = {0, 1};
    std::vector<double> scattered = events;
    for (double& event : scattered) event *= 1 + 0.001 * boot;
    recording.cases = {{"move_pages", {scattered}}};
    written.push_back(recording.write(folder));
  }
  return written;
}

struct Seen {
  std::string verdict;
  double old_figure = 0;
  double new_figure = 0;
};

Seen seen_by_notifier_compare(const ComparisonPair& pair, const std::vector<const char*>& words) {
  std::vector<std::string> line = {"notifier_compare", "OLD",    "NEW",   "--vary",
                                   "kernel_release",   "--vary", "kernel"};
  line.insert(line.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : line) argv.push_back(word.data());
  const auto options =
      analysis::parse_command_line(static_cast<int>(argv.size()), argv.data()).options;
  const auto read = [&](const Folders& list) {
    return analysis::read_inputs({list.begin(), list.end()}, options.events);
  };
  const auto comparison =
      analysis::compare(read(pair.old_folders), read(pair.new_folders), {}, options.compare);
  for (const analysis::Row& row : comparison.rows) {
    if (row.metric != "stall_ns" || row.statistic != "p50" || !row.judgement) continue;
    return {std::string(analysis::to_word(row.verdict, row.unit)), row.judgement->old_figure,
            row.judgement->new_figure};
  }
  return {};
}

Seen seen_on_the_page(const ComparisonPair& pair) {
  const nlohmann::json document = comparison_document(pair);
  for (const auto& row : document["rows"]) {
    if (row[3] == "stall_ns" && row[4] == "p50") return {row[6], row[15], row[16]};
  }
  return {};
}

TEST(Comparisons, ThePageTakesTheEventsThatNotifierCompareTakes) {
  const analysis::TemporaryFolder folder;
  ComparisonPair pair;
  pair.kind = "kernel";
  pair.old_folders = guest_recordings(folder, "6.1", {4000, 4100, 100});
  pair.new_folders = guest_recordings(folder, "7.2", {1000, 1100, 900});
  const Seen on_the_page = seen_on_the_page(pair);
  const Seen by_compare = seen_by_notifier_compare(pair, {});
  EXPECT_EQ(by_compare.verdict, "faster");
  EXPECT_EQ(on_the_page.verdict, by_compare.verdict);
  EXPECT_DOUBLE_EQ(on_the_page.old_figure, by_compare.old_figure);
  EXPECT_DOUBLE_EQ(on_the_page.new_figure, by_compare.new_figure);
  EXPECT_EQ(seen_by_notifier_compare(pair, {"--events", "unflagged"}).verdict, "slower");
  // and the page says so
  EXPECT_NE(comparison_document(pair)["events"].get<std::string>().find("all events"),
            std::string::npos);
}

}  // namespace
}  // namespace notifier::site
