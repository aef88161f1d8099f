// SPDX-License-Identifier: MIT
#include "analysis/site/site.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "analysis/files.hpp"
#include "analysis/site/encode.hpp"
#include "analysis/site/run_detail.hpp"
#include "analysis/site/scaling.hpp"
#include "tests/analysis/temporary_folder.hpp"
#include "tests/analysis_site/synthetic_results.hpp"

namespace notifier::site {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[fs::relative(entry.path(), folder).string()] = analysis::read_text_file(entry.path());
  }
  return files;
}

nlohmann::json document_of(const std::string& script) {
  const std::size_t begin = script.find(',') + 1;
  return nlohmann::json::parse(script.substr(begin, script.rfind(')') - begin));
}

class SiteTest : public testing::Test {
 protected:
  SiteReport build(const std::string& out = "site") const {
    return build_site({.results = results_, .out = folder_.path() / out, .details = 2});
  }
  nlohmann::json document(const std::string& file) const {
    return document_of(analysis::read_text_file(folder_.path() / "site" / "data" / file));
  }

  analysis::TemporaryFolder folder_;
  fs::path results_ = folder_.path() / "results";
};

TEST_F(SiteTest, SameResultsGiveTheSameBytes) {
  write_synthetic_results(results_,
                          {.machines = 2, .nights = 30, .cases = 12, .runs = 2, .events = 10});
  build("a");
  build("b");
  const auto first = files_below(folder_.path() / "a");
  EXPECT_GT(first.size(), 25U);
  EXPECT_EQ(first, files_below(folder_.path() / "b"));
  for (const auto& [name, text] : first) {
    EXPECT_EQ(text.find(folder_.path().string()), std::string::npos) << name << " names the folder";
  }
}

TEST_F(SiteTest, AStepIsFoundAndAttributedToTheDriver) {
  write_synthetic_results(results_, {.machines = 3, .nights = 460, .cases = 10});
  build();
  const nlohmann::json index = document("index.js");
  bool found = false;
  for (const auto& group : index["groups"]) {
    if (group["cause"] != "environment") continue;
    const auto& best = group["candidates"][0];
    EXPECT_EQ(best[0], "driver.version");
    EXPECT_EQ(best[4], 3);
    EXPECT_EQ(best[5], 0);
    found = true;
  }
  EXPECT_TRUE(found);
  EXPECT_TRUE(index["synthetic"]);
}

TEST_F(SiteTest, StatesAreToldApart) {
  write_synthetic_results(results_, {.machines = 1, .nights = 38, .cases = 50});
  build();
  const nlohmann::json index = document("index.js");
  std::map<int, int> states;
  for (const auto& row : index["cases"]["rows"]) ++states[row[12].get<int>()];
  EXPECT_EQ(states[static_cast<int>(NightState::kSkipped)], 1);
  EXPECT_EQ(states[static_cast<int>(NightState::kFailed)], 1);
  EXPECT_EQ(states[static_cast<int>(NightState::kMeasured)], 48);
  EXPECT_EQ(index["cases"]["violations"].size(), 1U);
  EXPECT_EQ(index["cases"]["reasons"].size(), 2U);
}

TEST_F(SiteTest, FalseAlarmsComeFromHalvesOfNights) {
  write_synthetic_results(results_, {.machines = 1, .nights = 40, .cases = 10});
  build();
  EXPECT_EQ(document("index.js")["false_alarms"][0], 0);
  fs::remove_all(results_);
  write_synthetic_results(results_, {.machines = 1, .nights = 40, .cases = 10, .runs = 4});
  build();
  EXPECT_EQ(document("index.js")["false_alarms"][0], 10);
  EXPECT_GT(document("index.js")["false_alarms"][1], 300);
}

TEST_F(SiteTest, BrokenRecordingIsListedAndTheRestIsThere) {
  write_synthetic_results(results_, {.machines = 1, .nights = 5, .cases = 3});
  const fs::path first = fs::directory_iterator(results_ / "synthetic-01")->path();
  std::ofstream(first / "summary.csv", std::ios::app) << "half a row";
  const SiteReport report = build();
  EXPECT_EQ(report.unreadable, 1U);
  EXPECT_EQ(report.recordings, 5U);
  EXPECT_EQ(document("index.js")["unreadable"][0][1], first.filename().string());
}

TEST_F(SiteTest, RecordingsThatAreNotCompleteAreNotLookedAt) {
  write_synthetic_results(results_, {.machines = 1, .nights = 2, .cases = 3});
  fs::create_directories(results_ / ".incoming");
  fs::rename(results_ / "synthetic-01", results_ / ".incoming" / "synthetic-01");
  EXPECT_EQ(build().recordings, 0U);
}

TEST_F(SiteTest, AFolderThatIsNoSiteIsNotReplaced) {
  fs::create_directories(results_);
  fs::create_directories(folder_.path() / "site");
  std::ofstream(folder_.path() / "site" / "thesis.tex") << "years of work";
  EXPECT_THROW(build(), std::runtime_error);
  EXPECT_TRUE(fs::exists(folder_.path() / "site" / "thesis.tex"));
  fs::remove(folder_.path() / "site" / "thesis.tex");
  build();
  build();  // its own site it replaces
}

TEST(Encode, OverviewValuesAreLogarithmsAndKeepClearOfTheCodes) {
  EXPECT_EQ(overview_value(100, 100), 0);
  EXPECT_EQ(overview_value(100 * std::exp(0.5), 100), 5000);
  EXPECT_EQ(overview_value(1e30, 1), kOverviewLargest);
  EXPECT_EQ(overview_value(1e-30, 1), -kOverviewLargest);
  for (const auto state : {NightState::kFailed, NightState::kSkipped, NightState::kUndefined,
                           NightState::kNotMeasured}) {
    EXPECT_LT(overview_code(state), -kOverviewLargest);
  }
}

TEST(Encode, Base64) {
  const std::vector<std::int16_t> values = {1, -2};
  EXPECT_EQ(base64(std::span<const std::int16_t>(values)), "AQD+/w==");
  EXPECT_EQ(base64(std::span<const float>()), "");
}

TEST(Encode, Times) {
  EXPECT_EQ(epoch_seconds("1970-01-02T00:00:01Z"), 86'401);
  EXPECT_FALSE(epoch_seconds("1970-01-02"));
  EXPECT_FALSE(epoch_seconds("<b>"));
}

TEST(Scaling, FindsThePowerInSpiteOfAnOddSize) {
  std::vector<SizePoint> points;
  for (double size = 4096; size <= 1 << 28; size *= 4) {
    points.push_back({size, 3 * std::pow(size, 0.7)});
  }
  points[2].value *= 10;
  const auto fit = fit_power(points);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->exponent, 0.7, 1e-9);
  EXPECT_NEAR(fit->factor, 3, 1e-6);
  EXPECT_FALSE(fit_power(std::span(points).first(2)));
}

TEST(RunDetail, HistogramCountsEveryValueOnce) {
  const std::vector<double> events = {0, 1, 10, 100, 1000};
  const std::vector<double> shams = {1, 2};
  const nlohmann::json result = histogram(events, shams);
  std::size_t total = 0;
  for (const auto& bin : result["events"]) total += bin.get<std::size_t>();
  EXPECT_EQ(total, events.size());
  EXPECT_EQ(result["low"], 1.0);
  EXPECT_EQ(result["high"], 1000.0);
  EXPECT_TRUE(histogram({}, {}).is_null());
}

}  // namespace
}  // namespace notifier::site
