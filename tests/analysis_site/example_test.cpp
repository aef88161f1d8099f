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

// From the tenth night on the software GPU's delays were switched off (SOFTGPU_DELAYS).
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
  EXPECT_EQ(field->values[1].first, 9U);
  EXPECT_EQ(field->values[1].second, "off");
}

}  // namespace
}  // namespace notifier::site
