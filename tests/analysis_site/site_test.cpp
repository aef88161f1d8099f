// SPDX-License-Identifier: MIT
#include "analysis/site/site.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "analysis/files.hpp"
#include "analysis/site/encode.hpp"
#include "analysis/site/report.hpp"
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

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

fs::path first_recording(const fs::path& results) {
  for (const auto& entry : fs::recursive_directory_iterator(results)) {
    if (entry.path().filename() == "summary.csv") return entry.path().parent_path();
  }
  return {};
}

TEST_F(SiteTest, AReportIsOneFileWithAllItsData) {
  write_synthetic_results(results_,
                          {.machines = 1, .nights = 1, .cases = 6, .runs = 2, .events = 10});
  const fs::path recording = first_recording(results_);
  EXPECT_EQ(write_report(recording), recording / "report.html");
  const std::string page = analysis::read_text_file(recording / "report.html");
  EXPECT_EQ(page, report_html(recording / "")) << "the same bytes, and a slash changes nothing";
  EXPECT_EQ(count_of(page, "</script>"), 2u);
  EXPECT_EQ(page.find("<script src"), std::string::npos);
  EXPECT_EQ(page.find(folder_.path().string()), std::string::npos) << "names the folder";
  const std::string start = "window.notifierDocuments=";
  const std::size_t begin = page.find(start) + start.size();
  const auto documents =
      nlohmann::json::parse(page.substr(begin, page.find(";</script>", begin) - begin));
  for (const char* name : {"index", "overview", "scaling", "run/0-0", "environment/0", "compare"}) {
    EXPECT_TRUE(documents.contains(name)) << name;
  }
  EXPECT_FALSE(documents["run/0-0"]["cases"].empty());
}

TEST_F(SiteTest, TextOfARecordingEndsNoScript) {
  write_synthetic_results(results_,
                          {.machines = 1, .nights = 1, .cases = 2, .runs = 1, .events = 5});
  const fs::path recording = first_recording(results_);
  auto manifest = nlohmann::json::parse(analysis::read_text_file(recording / "manifest.json"));
  manifest["command"] = {"</script><script>alert(1)</script><!--"};
  write_file(recording / "manifest.json", manifest.dump());
  EXPECT_EQ(count_of(report_html(recording), "</script>"), 2u);
}

TEST_F(SiteTest, AReportOfWhatCannotBeReadThrows) {
  fs::create_directories(results_ / "machine" / "20260101T000000Z_software");
  EXPECT_THROW(report_html(results_ / "machine" / "20260101T000000Z_software"), std::runtime_error);
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

TEST(Scaling, FindsFixedAndPerPageCostWithItsInterval) {
  std::vector<SizePoint> points;
  for (const double pages : {16.0, 256.0, 1024.0, 16384.0}) {
    for (const double noise : {-2000.0, -500.0, 0.0, 500.0, 2000.0}) {
      points.push_back({4096 * pages, 1.2e6 + 250 * pages + noise});
    }
  }
  const auto fit = fit_page_cost(points);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->per_page, 250, 1);
  EXPECT_NEAR(fit->fixed, 1.2e6, 1500);
  ASSERT_TRUE(fit->per_page_low && fit->per_page_high);
  EXPECT_LT(*fit->per_page_low, 250);
  EXPECT_GT(*fit->per_page_high, 250);
}

TEST(Scaling, PageCostNeedsThreeSizesAndItsIntervalMorePoints) {
  const std::vector<SizePoint> points = {{65536, 1e6}, {4 << 20, 2e6}, {64 << 20, 20e6}};
  EXPECT_FALSE(fit_page_cost(std::span(points).first(2)));
  const auto fit = fit_page_cost(points);
  ASSERT_TRUE(fit);
  EXPECT_FALSE(fit->per_page_low) << "three slopes have no 95 % interval";
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
