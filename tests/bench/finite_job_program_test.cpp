// SPDX-License-Identifier: MIT
// How a program of finite jobs goes through its cases, with invented results.
#include "bench/finite_job_program.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace notifier {
namespace {

using analysis::Status;
using testing::HasSubstr;
using testing::SizeIs;

class FiniteJobProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "finite-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    options_.results = pattern;
    options_.events = 1;
    program_.platform = "rocm";
    program_.device = "GPU-1";
    program_.measure = [this](std::size_t number, const FiniteJobRun& run) {
      measured_.push_back(number);
      const FiniteJobNames names{.memory = "userptr",
                                 .perturbation = number == 0 ? "dontneed" : "fork_exit",
                                 .recovery = "application_drain",
                                 .size_bytes = 4096,
                                 .job_ns = 1'000'000};
      FiniteJobResult result;
      result.identity = names.row(1);
      result.identity.run = run.run;
      result.identity.status = status_;
      result.identity.reason = status_ == Status::kOk ? "" : "invented";
      return result;
    };
    program_.print = [](const auto&, const auto&) {};
    program_.unsafe_reason = [] { return std::string(); };
  }
  void TearDown() override { std::filesystem::remove_all(options_.results); }

  int record(std::size_t cases) {
    return record_finite_jobs(options_, cases, {"program"}, program_, /*seed=*/1);
  }
  std::filesystem::path recording() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.results)) {
      if (entry.path().filename() == "manifest.json") return entry.path().parent_path();
    }
    return {};
  }
  nlohmann::json manifest() const {
    std::ifstream in(recording() / "manifest.json");
    return nlohmann::json::parse(in);
  }
  std::vector<analysis::SummaryRow> rows() const {
    std::ifstream in(recording() / "summary.csv");
    return analysis::read_summary(in, "summary.csv");
  }

  FiniteJobOptions options_;
  FiniteJobProgram program_;
  Status status_ = Status::kOk;
  std::vector<std::size_t> measured_;
};

TEST_F(FiniteJobProgramTest, EachRunHasEachCaseOnce) {
  options_.runs = 3;
  EXPECT_EQ(record(2), kExitOk);
  ASSERT_THAT(measured_, SizeIs(6));
  for (std::size_t run = 0; run < 3; ++run) {
    EXPECT_EQ(measured_[2 * run] + measured_[2 * run + 1], 1u);
  }
  EXPECT_EQ(manifest()["stopped_for_safety"], "");
}

// A GPU reset after the first case: what was measured stays, and nothing follows.
TEST_F(FiniteJobProgramTest, AMachineThatIsNotWellStopsTheRun) {
  program_.unsafe_reason = [] { return std::string("GPU reset: amdgpu 0000:c5:00.0"); };
  program_.manifest_end = [] { return nlohmann::json{{"safety", "as found"}}; };
  EXPECT_EQ(record(2), kExitViolation);
  EXPECT_THAT(measured_, SizeIs(1));
  EXPECT_THAT(manifest()["stopped_for_safety"].get<std::string>(), HasSubstr("GPU reset"));
  EXPECT_EQ(manifest()["safety"], "as found");
  EXPECT_THAT(rows(), SizeIs(testing::Ge(1u)));
}

TEST_F(FiniteJobProgramTest, OutcomesDecideTheExitCode) {
  status_ = Status::kSkipped;
  EXPECT_EQ(record(2), kExitNothingRan);
  std::filesystem::remove_all(options_.results);
  status_ = Status::kFailed;
  EXPECT_EQ(record(2), kExitViolation);
  ASSERT_FALSE(rows().empty());
  EXPECT_EQ(rows().front().reason, "invented");
}

TEST_F(FiniteJobProgramTest, TheSeedDecidesTheOrder) {
  options_.runs = 8;
  record(2);
  const std::vector<std::size_t> first = std::exchange(measured_, {});
  record(2);
  EXPECT_EQ(measured_, first);
}

}  // namespace
}  // namespace notifier
