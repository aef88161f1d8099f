// SPDX-License-Identifier: MIT
// Who stands still for somebody else's memory: one invalidation stops every queue of the process on
// every device and no other process (kfd_facts §0.4). By the driver's events and by a stop that is
// made longer, never by a time that this machine has to keep.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

using analysis::EventKind;
using analysis::Metric;
using analysis::SampleRow;
using ::testing::HasSubstr;

std::vector<SampleRow> samples_of(const std::filesystem::path& recording) {
  std::ifstream in(recording / "samples.csv");
  analysis::RowReader<SampleRow> reader(analysis::sample_columns(), in, "samples.csv");
  std::vector<SampleRow> samples;
  SampleRow row;
  while (reader.next(row)) samples.push_back(row);
  return samples;
}

Command watching(const std::string& name, const TemporaryFolder& folder) {
  return bench({"--filter", "^" + name + "$", "--events", "10", "--no-self-test", "--bystanders",
                "--results", folder.text()});
}

/// Everybody's evictions are those of the process that they belong to.
void expect_evictions(const SampleRow& sample) {
  ASSERT_TRUE(sample[Metric::kBystanderDeviceEvictions]);
  ASSERT_TRUE(sample[Metric::kBystanderProcessEvictions]);
  EXPECT_EQ(*sample[Metric::kBystanderDeviceEvictions],
            static_cast<double>(sample.evictions.value_or(-1)));
  EXPECT_EQ(*sample[Metric::kBystanderProcessEvictions], 0);
}

TEST(Bystanders, AnInvalidationStopsEveryQueueOfTheProcessAndNoOtherProcess) {
  const TemporaryFolder folder;
  // Each stop of the queues takes so much longer.
  constexpr double kHold_ns = 20e6;
  const Finished finished = watching("userptr/anon/dontneed/default/preempt/small/64KiB", folder)
                                .environment("SOFTGPU_HOLD", "revalidation:20ms")
                                .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("- queue: a second queue"));
  int stops = 0;
  for (const SampleRow& sample : samples_of(only_recording(folder.path()))) {
    expect_evictions(sample);
    ASSERT_TRUE(sample[Metric::kTimerLate]);
    EXPECT_EQ(sample.evictions, sample.kind == EventKind::kEvent ? 1 : 0);
    if (sample.kind != EventKind::kEvent) continue;
    ++stops;
    EXPECT_GE(*sample[Metric::kBystanderQueueStall], kHold_ns);
    EXPECT_GE(*sample[Metric::kBystanderDeviceStall], kHold_ns);
  }
  EXPECT_EQ(stops, 10);
  EXPECT_EQ(
      Command({NOTIFIER_VALIDATE_PROGRAM, only_recording(folder.path()).string()}).run().exit_code,
      0);
}

TEST(Bystanders, RetryFaultsStopNobodysQueue) {
  const TemporaryFolder folder;
  const Finished finished =
      watching("managed/anon/dontneed/default/retry_fault/small/64KiB", folder).run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  for (const SampleRow& sample : samples_of(only_recording(folder.path()))) {
    expect_evictions(sample);
    EXPECT_EQ(sample.evictions, 0);
  }
}

TEST(Bystanders, WhereTheDeviceWaitsForJobsTheyAreJobsToo) {
  const TemporaryFolder folder;
  const Finished finished =
      watching("userptr/anon/dontneed/default/wait_for_jobs/job_5ms/64KiB", folder).run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  for (const SampleRow& sample : samples_of(only_recording(folder.path()))) {
    expect_evictions(sample);
  }
}

TEST(Bystanders, ThoseThatAreNotThereSayWhy) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "^userptr/anon/sham/default/preempt/small/64KiB$", "--events", "5",
             "--no-self-test", "--bystanders=device,timer", "--results", folder.text()})
          .environment("SOFTGPU_DEVICES", "1")
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  std::ifstream in(only_recording(folder.path()) / "manifest.json");
  const nlohmann::json manifest = nlohmann::json::parse(in);
  EXPECT_EQ(manifest.at("bystanders").at("device"), "none: this process sees one device");
  EXPECT_THAT(manifest.at("bystanders").at("timer").get<std::string>(), HasSubstr("SCHED_"));
  EXPECT_EQ(manifest.at("environment").at("process").at("bystanders").at("value"), "device,timer");
  for (const SampleRow& sample : samples_of(only_recording(folder.path()))) {
    EXPECT_FALSE(sample[Metric::kBystanderDeviceStall]);
    EXPECT_FALSE(sample[Metric::kBystanderQueueStall]);
    EXPECT_TRUE(sample[Metric::kTimerLate]);
  }
}

TEST(Bystanders, TheControlWithoutADeviceHasItsTimerThread) {
  const TemporaryFolder folder;
  const Finished finished = watching("plain/anon/fork_exit/default/none/small/64KiB", folder).run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  for (const SampleRow& sample : samples_of(only_recording(folder.path()))) {
    EXPECT_TRUE(sample[Metric::kTimerLate]);
    EXPECT_FALSE(sample[Metric::kBystanderProcessStall]);
  }
}

TEST(Bystanders, UnknownOnesAreBadUsage) {
  const Finished finished = bench({"--bystanders=neighbours"}).run();
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, HasSubstr("queue,device,process,timer"));
}

}  // namespace
}  // namespace notifier::testing
