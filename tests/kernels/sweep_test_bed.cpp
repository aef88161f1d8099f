// SPDX-License-Identifier: MIT
#include "sweep_test_bed.hpp"

#include <gtest/gtest.h>

#include "kernels/workload_full.hpp"

namespace notifier::testing {
namespace {

SweepTestBed* current_bed = nullptr;

}  // namespace

hipError_t launch_on_test_bed(const void* kernel, dim3 grid, dim3 block, void** parameters) {
  if (const JobArguments* job = current_bed->job_) {
    device::test_device.lanes = block.x;
    current_bed->watch_accesses();
    reinterpret_cast<void (*)(JobArguments)>(const_cast<void*>(kernel))(*job);
    return hipSuccess;
  }
  const auto function = reinterpret_cast<void (*)(WorkloadArguments)>(const_cast<void*>(kernel));
  const auto& arguments = *static_cast<const WorkloadArguments*>(parameters[0]);
  for (std::uint32_t wave = 0; wave < grid.x; ++wave) {
    for (std::uint32_t lane = 0; lane < block.x; ++lane) {
      device::test_device.wave = wave;
      device::test_device.waves = grid.x;
      device::test_device.lane = lane;
      device::test_device.lanes = block.x;
      current_bed->run_lane(function, arguments);
    }
  }
  return hipSuccess;
}

SweepTestBed::SweepTestBed(const SweepShape& wanted)
    : shape(wanted),
      data(wanted.lines * kWordsPerLine),
      waves(wanted.grid.waves),
      lanes(std::size_t{wanted.grid.waves} * wanted.grid.lanes_per_wave),
      gaps(wanted.grid.waves * wanted.gap_capacity) {
  command.gap_threshold_ticks = ~std::uint64_t{0};
  for (std::uint64_t word = 0; word < data.size(); ++word) {
    data[word] = host_record(word, 0);
  }
  device::test_device = {};
  current_bed = this;
}

SweepTestBed::~SweepTestBed() {
  device::test_device = {};
  current_bed = nullptr;
}

WorkloadArguments SweepTestBed::arguments() {
  return {.data = data.data(),
          .size_words = data.size(),
          .command = &command,
          .waves = waves.data(),
          .lanes = lanes.data(),
          .gaps = gaps.data(),
          .gap_capacity = shape.gap_capacity,
          .owner = kOwner,
          .seed = kSeed,
          .deadline_ticks = deadline_ticks};
}

void SweepTestBed::run() {
  ASSERT_EQ(launch_workload(arguments(), shape.grid, nullptr), hipSuccess);
  EXPECT_EQ(device::test_device.early_clock_reads, 0u);
}

void SweepTestBed::run_full() {
  ASSERT_EQ(launch_workload_full(arguments(), shape.grid, nullptr), hipSuccess);
  EXPECT_EQ(device::test_device.early_clock_reads, 0u);
}

void SweepTestBed::run_job() {
  const JobArguments job{arguments(), &saved_};
  job_ = &job;
  ASSERT_EQ(launch_workload_job(job, shape.grid, nullptr), hipSuccess);
  job_ = nullptr;
  EXPECT_EQ(device::test_device.early_clock_reads, 0u);
}

void SweepTestBed::run_lane(void (*kernel)(WorkloadArguments), const WorkloadArguments& arguments) {
  const Command command_at_launch = command;
  const std::uint64_t first_wave_finished = waves[0].finished;
  // On a device the waves run side by side; here an earlier one has already left.
  waves[0].finished = 0;
  polls_ = 0;
  watch_accesses();
  kernel(arguments);
  if (device::test_device.wave != 0) {
    waves[0].finished = first_wave_finished;
  }
  command = command_at_launch;
}

void SweepTestBed::watch_accesses() {
  device::test_device.stores_under_way = 0;
  device::test_device.before_access = [this](device::Access access, const std::uint64_t* pointer) {
    if (on_access) {
      on_access(access, pointer);
    }
    if (access == device::Access::kLoadAcquire && pointer == &command.generation && on_poll) {
      on_poll(polls_++);
    }
  };
}

void SweepTestBed::stop() {
  command.stop = 1;
  ++command.generation;
}

std::uint64_t SweepTestBed::polls_per_pass(std::uint32_t wave) const {
  const std::uint64_t first = wave * shape.lines / shape.grid.waves;
  const std::uint64_t end = (wave + 1) * shape.lines / shape.grid.waves;
  const std::uint64_t lane_count = shape.grid.lanes_per_wave;
  const std::uint64_t iterations =
      std::max<std::uint64_t>(1, (end - first + lane_count - 1) / lane_count);
  return (iterations + kIterationsPerPoll - 1) / kIterationsPerPoll;
}

bool SweepTestBed::is_data(const std::uint64_t* pointer) const {
  return pointer >= data.data() && pointer < data.data() + data.size();
}

std::uint64_t SweepTestBed::word_of(const std::uint64_t* pointer) const {
  return static_cast<std::uint64_t>(pointer - data.data());
}

Record SweepTestBed::host_record(std::uint64_t word, std::uint64_t epoch) const {
  return make_record(kHostOwner, word, epoch, kSeed);
}

Record SweepTestBed::device_record(std::uint64_t word, std::uint64_t pass) const {
  return make_record(kOwner, word, pass, kSeed);
}

std::uint64_t SweepTestBed::violations() const {
  std::uint64_t sum = 0;
  for (const LaneState& lane : lanes) {
    sum += lane.violations;
  }
  return sum;
}

}  // namespace notifier::testing

// In place of the HIP runtime, which these tests do not link.
extern "C" hipError_t hipLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** parameters,
                                      size_t shared_bytes, hipStream_t stream) {
  EXPECT_EQ(shared_bytes, 0u);
  EXPECT_EQ(stream, nullptr);
  return notifier::testing::launch_on_test_bed(kernel, grid, block, parameters);
}
