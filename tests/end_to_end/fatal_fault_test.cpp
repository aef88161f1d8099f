// SPDX-License-Identifier: MIT
// Cases whose event is a fatal fault of the device: measured in workers that do not outlive it.
#include <gtest/gtest.h>

#include <fstream>

#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

constexpr const char* kFatalCase = "managed/anon/munmap_middle/default/preempt/small/64KiB";

TEST(FatalFaults, EachEventHasAWorkerOfItsOwn) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--filter", std::string("^") + kFatalCase + "$", "--hazardous",
                                   "--events", "3", "--no-self-test", "--results", folder.text()})
                                .run();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const std::filesystem::path recording = only_recording(folder.path());
  std::ifstream summary_file(recording / "summary.csv");
  const auto summary = analysis::read_summary(summary_file, "summary.csv");
  ASSERT_FALSE(summary.empty());
  EXPECT_EQ(summary.front().touch, "fatal");
  EXPECT_EQ(summary.front().outcome, "fault");
  EXPECT_EQ(summary.front().status, analysis::Status::kOk);
  std::vector<analysis::SampleRow> samples;
  std::ifstream samples_file(recording / "samples.csv");
  analysis::RowReader<analysis::SampleRow> reader(analysis::sample_columns(), samples_file,
                                                  "samples.csv");
  for (analysis::SampleRow row; reader.next(row);) samples.push_back(row);
  ASSERT_EQ(samples.size(), 3u);
  for (std::size_t event = 0; event < samples.size(); ++event) {
    EXPECT_EQ(samples[event].event, static_cast<std::int64_t>(event));
    EXPECT_GT(samples[event][analysis::Metric::kCallToFault].value_or(0), 0);
    EXPECT_GT(samples[event][analysis::Metric::kSyscall].value_or(0), 0);
  }
  const Finished validated = Command({NOTIFIER_VALIDATE_PROGRAM, recording.string()}).run();
  EXPECT_EQ(validated.exit_code, 0) << validated.out << validated.err;
}

TEST(FatalFaults, ACaseAfterThemHasAHealthyDevice) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "managed/anon/(munmap_middle|dontneed)/default/preempt/small/64KiB",
             "--hazardous", "--events", "2", "--runs", "2", "--no-self-test", "--results",
             folder.text()})
          .run();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("4 ok, 0 skipped, 0 failed; 0 integrity violations"),
            std::string::npos)
      << finished.out;
}

}  // namespace
}  // namespace notifier::testing
