// SPDX-License-Identifier: MIT
// The verdict on the meter follows from its numbers, and a machine whose CPU is taken away gets the
// bad one. No test may ask for the good one: a loaded machine does not deserve it.
#include "harness/meter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "analysis/flags.hpp"
#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

using ::testing::HasSubstr;

/// Keeps the first CPU that this process may use busy with threads of usual priority.
class CpuHog {
 public:
  explicit CpuHog(std::size_t threads) {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof(allowed), &allowed);
    CPU_ZERO(&one_);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one_) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &one_);
    }
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        while (!done_.load(std::memory_order_relaxed)) {
        }
      });
      pthread_setaffinity_np(threads_.back().native_handle(), sizeof(one_), &one_);
    }
  }
  ~CpuHog() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  CpuHog(const CpuHog&) = delete;
  CpuHog& operator=(const CpuHog&) = delete;

  /// The calling process shares the CPU with the hog from now on.
  void share() const { sched_setaffinity(0, sizeof(one_), &one_); }

 private:
  cpu_set_t one_;
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

nlohmann::json meter_of(const std::filesystem::path& recording) {
  std::ifstream in(recording / "manifest.json");
  return nlohmann::json::parse(in).at("meter");
}

std::vector<analysis::SummaryRow> rows_of(const std::filesystem::path& recording) {
  std::ifstream in(recording / "summary.csv");
  analysis::RowReader<analysis::SummaryRow> reader(analysis::summary_columns(), in, "summary.csv");
  std::vector<analysis::SummaryRow> rows;
  analysis::SummaryRow row;
  while (reader.next(row)) rows.push_back(row);
  return rows;
}

void expect_verdict_that_follows_from_the_numbers(const nlohmann::json& meter) {
  bool all = meter.at("failure").get<std::string>().empty();
  for (const nlohmann::json& report : meter.at("reports")) {
    const bool good = std::abs(report.at("slope").get<double>() - 1) <= kMeterSlopeTolerance &&
                      report.at("residual_median_ns").get<double>() <= kMeterResidualLimit_ns;
    EXPECT_EQ(report.at("reliable").get<bool>(), good) << report;
    EXPECT_GT(report.at("detection_floor_ns").get<double>(), 0) << report;
    all = all && good;
  }
  EXPECT_EQ(meter.at("reliable").get<bool>(), all) << meter;
}

Command small_run(const TemporaryFolder& folder) {
  return bench({"--filter", "^userptr/anon/dontneed/default/preempt/small/64KiB$", "--events", "3",
                "--no-self-test", "--results", folder.text()});
}

TEST(Meter, TheFlagsOfARecordingFollowFromItsNumbers) {
  const TemporaryFolder folder;
  const Finished finished = small_run(folder).run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const std::filesystem::path recording = only_recording(folder.path());
  const nlohmann::json meter = meter_of(recording);
  expect_verdict_that_follows_from_the_numbers(meter);
  for (const analysis::SummaryRow& row : rows_of(recording)) {
    EXPECT_NE(analysis::has_flag(row.flags, "unreliable"), meter.at("reliable").get<bool>());
  }
}

// Three hogs leave a wave a quarter of a CPU at best, in slices of the scheduler: no hold can be
// read to 50 µs.
TEST(Meter, WithAHogOnItsCpuItSaysThatItIsUnreliable) {
  const CpuHog hog(3);
  const TemporaryFolder folder;
  const Finished finished = small_run(folder).before_exec([&] { hog.share(); }).run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("UNRELIABLE"));
  const std::filesystem::path recording = only_recording(folder.path());
  const nlohmann::json meter = meter_of(recording);
  EXPECT_FALSE(meter.at("reliable").get<bool>());
  expect_verdict_that_follows_from_the_numbers(meter);
  const std::vector<analysis::SummaryRow> rows = rows_of(recording);
  ASSERT_FALSE(rows.empty());
  for (const analysis::SummaryRow& row : rows) {
    EXPECT_TRUE(analysis::has_flag(row.flags, "unreliable")) << row.flags;
  }
}

}  // namespace
}  // namespace notifier::testing
