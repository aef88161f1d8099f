// SPDX-License-Identifier: MIT
#include "harness/decomposition.hpp"

#include <gtest/gtest.h>

#include "analysis/flags.hpp"

namespace notifier {
namespace {

using analysis::Metric;

// All clocks on one axis: the device's ticks are 10 ns, BOOTTIME is the raw clock.
constexpr std::int64_t kEnter_ns = 50'000'000;

class DecompositionTest : public ::testing::Test {
 protected:
  DecompositionTest() {
    for (const std::int64_t raw_ns : {40'000'000L, 60'000'000L, 90'000'000L}) {
      ClockSample sample;
      sample.gpu = {raw_ns / 10, raw_ns, 20};
      sample.boottime = {raw_ns, raw_ns, 20};
      clocks_.add(sample);
    }
    observation_.clocks = &clocks_;
    observation_.tick_ns = 10;
    observation_.iteration_ticks = 4;
    observation_.enter_ns = kEnter_ns;
    observation_.leave_ns = kEnter_ns + 70'000;
    add(DriverEventKind::kQueueEviction, 20'000);
    add(DriverEventKind::kQueueRestore, 4'300'000);
    gap(30'000, 4'330'000);
  }

  DriverEvent& add(DriverEventKind kind, std::int64_t after_enter_ns) {
    DriverEvent event;
    event.kind = kind;
    event.gpu_id = 1;
    event.boottime_ns = kEnter_ns + after_enter_ns;
    observation_.driver_events.push_back(event);
    return observation_.driver_events.back();
  }
  /// The report of a stop that began with the eviction; offsets from it.
  StopReport& report() {
    DriverEvent& event = add(DriverEventKind::kStopReport, 19'990);
    event.gpu_id.reset();
    event.stop = StopReport{40'000, 1'100'000, 12'000, 12'000, 4'300'000, 4'300'000};
    return *event.stop;
  }
  void gap(std::int64_t begin_ns, std::int64_t end_ns) {
    WaveWindow window;
    window.before.last_clock_ticks = kEnter_ns / 10;
    window.after.last_clock_ticks = (kEnter_ns + 10'000'000) / 10;
    window.after.longest_gap_start_ticks = static_cast<std::uint64_t>(kEnter_ns + begin_ns) / 10;
    window.after.longest_gap_ticks = static_cast<std::uint64_t>(end_ns - begin_ns) / 10;
    observation_.waves = {window};
  }
  analysis::SampleRow analyse() {
    analysis::SampleRow sample;
    timeline_ = analyse_event(observation_, sample);
    return sample;
  }
  static bool incoherent(const analysis::SampleRow& sample) {
    return analysis::has_flag(sample.flags, "incoherent");
  }

  ClockCorrelation clocks_;
  EventObservation observation_;
  std::optional<EventTimeline> timeline_;
};

TEST_F(DecompositionTest, PartsAddUpToTheStall) {
  report();
  const analysis::SampleRow sample = analyse();
  EXPECT_NEAR(*sample[Metric::kNotifier], 29'990, 50);
  EXPECT_NEAR(*sample[Metric::kRestoreDelay], 1'060'000, 50);
  EXPECT_NEAR(*sample[Metric::kRevalidation], 3'180'010, 50);
  EXPECT_NEAR(*sample[Metric::kRestoreToProgress], 30'000, 50);
  EXPECT_NEAR(*sample[Metric::kNotifier] + *sample[Metric::kRestoreDelay] +
                  *sample[Metric::kRevalidation] + *sample[Metric::kRestoreToProgress],
              *sample[Metric::kStall], 100);
  EXPECT_NEAR(*sample[Metric::kDriverStall], 4'288'000, 50);
  EXPECT_FALSE(incoherent(sample)) << sample.flags;
}

/// A call of a kernel function; times after the caller's entry.
KernelSpan kernel_call(const char* function, std::int64_t begin_ns, std::int64_t end_ns) {
  return {function, 1, "caller", kEnter_ns + begin_ns, kEnter_ns + end_ns};
}

TEST_F(DecompositionTest, KprobesGiveThePreemptionAndABoundOfTheStall) {
  observation_.driver_events[0].trigger = static_cast<std::uint32_t>(EvictionTrigger::kUserptr);
  observation_.kernel_spans = {kernel_call("svm_range_evict", 15'000, 60'000),
                               kernel_call("kgd2kfd_quiesce_mm", 19'000, 59'000),
                               kernel_call("kgd2kfd_resume_mm", 4'299'000, 4'320'000)};
  EXPECT_EQ(analyse()[Metric::kPreempt], 40'000);
  EXPECT_FALSE(incoherent(analyse()));
  EXPECT_NEAR(stop_bounds(*timeline_).shortest_ns, 4'299'000 - 59'000, 50);
  // The device says that it was stopped for 4.3 ms; the kernel held its queues for 4.5 ms.
  observation_.kernel_spans[2] = kernel_call("kgd2kfd_resume_mm", 4'600'000, 4'620'000);
  observation_.driver_events[1].boottime_ns = kEnter_ns + 4'601'000;
  EXPECT_TRUE(incoherent(analyse()));
}

TEST_F(DecompositionTest, AnEvictionOutsideOfTheKernelsCallIsIncoherent) {
  observation_.driver_events[0].trigger = static_cast<std::uint32_t>(EvictionTrigger::kSvm);
  observation_.kernel_spans = {kernel_call("kgd2kfd_quiesce_mm", 25'000, 59'000),
                               kernel_call("kgd2kfd_resume_mm", 4'299'000, 4'320'000)};
  EXPECT_TRUE(incoherent(analyse())) << "the event is stamped 5 µs before the call";
  observation_.driver_events[0].trigger = static_cast<std::uint32_t>(EvictionTrigger::kTtm);
  EXPECT_FALSE(incoherent(analyse())) << "other triggers stop the queues elsewhere";
}

TEST_F(DecompositionTest, KfdsCounterIsAWitness) {
  // The events say 4.28 ms; a count in jiffies may be off by some.
  for (const double counted_ns : {0.0, 4e6, 20e6}) {
    observation_.kfd_evicted_ns = counted_ns;
    EXPECT_FALSE(incoherent(analyse())) << counted_ns;
  }
  observation_.kfd_evicted_ns = 30e6;
  EXPECT_TRUE(incoherent(analyse()));
}

TEST_F(DecompositionTest, WithoutKprobesPreemptionIsEmptyNotZero) {
  EXPECT_FALSE(analyse()[Metric::kPreempt]);
  observation_.kernel_spans = {kernel_call("do_madvise", 0, 60'000)};
  EXPECT_FALSE(analyse()[Metric::kPreempt]) << "stops no device";
  observation_.lost_kernel_events = 2;
  EXPECT_TRUE(analysis::has_flag(analyse().flags, "events_lost"));
}

TEST_F(DecompositionTest, WithoutAReportTheFinePartsAreEmpty) {
  const analysis::SampleRow sample = analyse();
  EXPECT_TRUE(sample[Metric::kStopToRestore]);
  EXPECT_FALSE(sample[Metric::kNotifier]);
  EXPECT_FALSE(sample[Metric::kRevalidation]);
  EXPECT_FALSE(sample[Metric::kDriverStall]);
  EXPECT_FALSE(incoherent(sample));
}

TEST_F(DecompositionTest, AStallShorterThanTheStopIsIncoherent) {
  report();
  gap(30'000, 4'330'000 - 200'000);  // the device's clock says less than the driver's
  EXPECT_TRUE(incoherent(analyse()));
}

TEST_F(DecompositionTest, AStallLongerThanTheStopIsIncoherent) {
  report();
  gap(30'000, 4'330'000 + 200'000);
  EXPECT_TRUE(incoherent(analyse()));
}

TEST_F(DecompositionTest, ADeviceClockAtTheWrongRateIsIncoherent) {
  report();
  observation_.tick_ns = 11;  // stations stay where they are, the length by the clock does not
  EXPECT_TRUE(incoherent(analyse()));
}

TEST_F(DecompositionTest, CpuThatAWaveLostExplainsALongerStall) {
  report();
  gap(-170'000, 4'330'000);  // it stood 200 µs before the eviction
  EXPECT_TRUE(incoherent(analyse()));
  add(DriverEventKind::kLostCpu, 4'331'000).lost_ns = 210'000;
  EXPECT_FALSE(incoherent(analyse()));
}

TEST_F(DecompositionTest, WithSeveralWavesTheStopHasBounds) {
  StopReport& stop = report();
  stop.last_parked = 312'000;  // one wave stopped late: its stop was shorter
  gap(330'000, 4'330'000);
  EXPECT_FALSE(incoherent(analyse()));
  gap(30'000, 4'330'000);
  EXPECT_FALSE(incoherent(analyse()));
}

TEST_F(DecompositionTest, WithoutAReportAStallThatEndsBeforeTheRestoreIsIncoherent) {
  // The queues stand from the call's return at the latest to the restore event.
  gap(30'000, 3'000'000);
  EXPECT_TRUE(incoherent(analyse()));
}

TEST_F(DecompositionTest, TheReportOfAnotherStopIsNotTaken) {
  DriverEvent& event = add(DriverEventKind::kStopReport, 2'000'000);  // begins after the eviction
  event.stop = StopReport{1, 2, 3, 4, 5, 6};
  EXPECT_FALSE(analyse()[Metric::kRevalidation]);
  DriverEvent& earlier = add(DriverEventKind::kStopReport, -5'000'000);  // over before it
  earlier.stop = StopReport{1, 2, 3, 4, 5, 6};
  EXPECT_FALSE(analyse()[Metric::kRevalidation]);
}

TEST_F(DecompositionTest, FaultsAndMigrationsArePairedByAddress) {
  add(DriverEventKind::kPageFaultStart, 100'000).address_pages = 7;
  add(DriverEventKind::kPageFaultStart, 110'000).address_pages = 9;
  add(DriverEventKind::kPageFaultEnd, 130'000).address_pages = 7;
  add(DriverEventKind::kPageFaultEnd, 190'000).address_pages = 9;
  add(DriverEventKind::kPageFaultEnd, 195'000).address_pages = 11;  // its start was lost
  add(DriverEventKind::kMigrateStart, 200'000).address_pages = 7;
  DriverEvent& end = add(DriverEventKind::kMigrateEnd, 260'000);
  end.address_pages = 7;
  end.size_pages = 16;
  const analysis::SampleRow sample = analyse();
  EXPECT_EQ(sample[Metric::kFaults], 2);
  EXPECT_EQ(sample[Metric::kFault], 110'000);
  EXPECT_EQ(sample[Metric::kMigrate], 60'000);
  EXPECT_EQ(sample[Metric::kPagesMigrated], 16);
}

TEST_F(DecompositionTest, WithoutFaultsTheirNumberIsEmptyNotZero) {
  EXPECT_FALSE(analyse()[Metric::kFaults]);
  EXPECT_FALSE(analyse()[Metric::kPagesMigrated]);
}

}  // namespace
}  // namespace notifier
