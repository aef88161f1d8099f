// SPDX-License-Identifier: MIT
// The nights that come with the project: real recordings of the software GPU.
#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/site/model.hpp"
#include "analysis/validate.hpp"

namespace notifier::site {
namespace {

const std::filesystem::path kNights = std::filesystem::path(NOTIFIER_EXAMPLES) / "nights";

TEST(ExampleNights, AreValidAndNotSynthetic) {
  const AllRecordings all = read_recordings(kNights);
  ASSERT_GE(all.recordings.size(), 14U);
  for (const RecordingData& recording : all.recordings) {
    EXPECT_EQ(recording.problem, "") << recording.name;
    EXPECT_EQ(analysis::validate_recording(recording.folder).findings_total, 0U) << recording.name;
    EXPECT_FALSE(recording.synthetic) << recording.name;
    EXPECT_EQ(recording.platform, "software");
  }
}

constexpr std::uint32_t kChanged = 10;  // position of the eleventh night

// From the eleventh night on the software GPU's delays were switched off (SOFTGPU_DELAYS).
TEST(ExampleNights, TellWhenTheEnvironmentChanged) {
  const AllRecordings all = read_recordings(kNights);
  const Model model = build_model(all);
  ASSERT_EQ(model.timelines.size(), 1U);
  const auto field =
      std::ranges::find_if(model.timelines[0].environment, [](const FieldHistory& history) {
        return history.field.find("SOFTGPU_DELAYS") != std::string::npos;
      });
  ASSERT_NE(field, model.timelines[0].environment.end());
  ASSERT_EQ(field->values.size(), 2U);
  EXPECT_EQ(field->values[0].second, "");
  EXPECT_EQ(field->values[1].first, kChanged);
  EXPECT_EQ(field->values[1].second, "off");
}

// The delays are most of a small range's stall: two of the three cases step there.
TEST(ExampleNights, AnnounceTheChangeWithItsCause) {
  const AllRecordings all = read_recordings(kNights);
  const Model model = build_model(all);
  ASSERT_EQ(model.groups.size(), 1U);
  const analysis::StepGroup& group = model.groups[0];
  EXPECT_GE(group.steps.size(), 2U);
  for (const std::size_t index : group.steps) {
    const GroupedStep& grouped = model.steps[index];
    const analysis::Step& step = model.series[grouped.series].detection.steps[grouped.step];
    EXPECT_EQ(step.index, kChanged);
    EXPECT_LT(step.log_ratio, 0);
  }
  EXPECT_EQ(group.cause, analysis::Cause::kEnvironment);
  ASSERT_FALSE(group.candidates.empty());
  EXPECT_NE(group.candidates[0].field.find("SOFTGPU_DELAYS"), std::string::npos);
}

}  // namespace
}  // namespace notifier::site
