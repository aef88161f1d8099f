// SPDX-License-Identifier: MIT
// Which recordings the pairs of the dashboard hold.
#include "analysis/site/comparisons.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

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

}  // namespace
}  // namespace notifier::site
