// SPDX-License-Identifier: MIT
#include "harness/worker_protocol.hpp"

#include <gtest/gtest.h>

namespace notifier {
namespace {

TEST(WorkerProtocol, RequestsRoundTrip) {
  CaseRequest request;
  request.wanted.perturbation = "dontneed";
  request.wanted.size_bytes = 1 << 20;
  request.events = 17;
  request.seed = 0x7FFF'FFFF'FFFF'FFFF;
  request.grid = {3, 64};
  request.spare_hazards = true;
  request.plant = "torn";
  request.bystanders.add(Bystander::kTimer);
  request.recording_start_ns = 123'456'789'012;
  request.patience = std::chrono::milliseconds(5);
  request.time_limit = std::chrono::milliseconds(6);
  const CaseRequest read = request_from_json(to_json(request));
  EXPECT_EQ(read.wanted.name(), request.wanted.name());
  EXPECT_EQ(read.events, 17u);
  EXPECT_EQ(read.seed, request.seed);
  EXPECT_EQ(read.grid.waves, 3u);
  EXPECT_EQ(read.grid.lanes_per_wave, 64u);
  EXPECT_TRUE(read.spare_hazards);
  EXPECT_EQ(read.plant, "torn");
  EXPECT_EQ(read.bystanders, request.bystanders);
  EXPECT_EQ(read.recording_start_ns, request.recording_start_ns);
  EXPECT_EQ(read.patience, request.patience);
  EXPECT_EQ(read.time_limit, request.time_limit);
}

TEST(WorkerProtocol, AnUnknownCaseIsRefused) {
  CaseRequest request;
  request.wanted.size_bytes = 4096;
  request.wanted.perturbation = "sham";
  nlohmann::json json = to_json(request);
  json["case"] = "no/such/case";
  EXPECT_THROW(request_from_json(json), std::invalid_argument);
}

TEST(WorkerProtocol, ResultsRoundTripWithTextOfAnyKind) {
  CaseResult result;
  result.identity.case_name = "a, \"b\"";
  result.identity.memory = "userptr";
  result.identity.backing = "anon";
  result.identity.perturbation = "sham";
  result.identity.policy = "default";
  result.identity.recovery = "preempt";
  result.identity.context = "small";
  result.identity.status = analysis::Status::kSkipped;
  result.identity.reason = "needs 64 µs,\nand a line";
  result.identity.violations_torn = 3;
  result.run_values = {{analysis::Metric::kIteration, 41.5}};
  result.violations = {"torn: word 1"};
  result.evictions_expected = 1;
  result.evictions_observed = 9;
  result.events_done = 9;
  const CaseResult read = result_from_json(to_json(result));
  EXPECT_EQ(read.identity.case_name, result.identity.case_name);
  EXPECT_EQ(read.identity.status, analysis::Status::kSkipped);
  EXPECT_EQ(read.identity.reason, result.identity.reason);
  EXPECT_EQ(read.identity.violations_torn, 3);
  ASSERT_EQ(read.run_values.size(), 1u);
  EXPECT_EQ(read.run_values[0].value, 41.5);
  EXPECT_EQ(read.violations, result.violations);
  EXPECT_EQ(read.evictions_observed, 9);
}

TEST(WorkerProtocol, SamplesRoundTripAndKeepUndefinedApartFromZero) {
  analysis::SampleRow sample;
  sample.case_name = "c";
  sample.event = 4;
  sample.kind = analysis::EventKind::kSham;
  sample[analysis::Metric::kStall] = 0;
  sample.flags = "lost_cpu";
  const analysis::SampleRow read = sample_from_csv(to_csv(sample));
  EXPECT_EQ(read.event, 4);
  EXPECT_EQ(read.kind, analysis::EventKind::kSham);
  EXPECT_EQ(read[analysis::Metric::kStall], 0);
  EXPECT_FALSE(read[analysis::Metric::kSyscall]);
  EXPECT_EQ(read.flags, "lost_cpu");
}

TEST(WorkerProtocol, DevicesRoundTrip) {
  DeviceInfo device;
  device.platform = "software";
  device.name = "n";
  device.node_id = 1;
  device.compute_units = 7;
  device.waves_of_full_context = 56;
  const DeviceInfo read = device_from_json(to_json(device));
  EXPECT_EQ(read.platform, "software");
  EXPECT_EQ(read.compute_units, 7u);
  EXPECT_EQ(read.waves_of_full_context, 56u);
  EXPECT_EQ(read.node_id, 1u);
}

}  // namespace
}  // namespace notifier
