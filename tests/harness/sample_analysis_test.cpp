// SPDX-License-Identifier: MIT
#include "harness/sample_analysis.hpp"

#include <gtest/gtest.h>

#include "analysis/flags.hpp"
#include "harness/decomposition.hpp"

namespace notifier {
namespace {

using analysis::Metric;

// GPU ticks of 10 ns that began at raw time 1 s; BOOTTIME runs 5 s ahead of the raw clock.
constexpr std::int64_t kTickNs = 10;
constexpr std::int64_t kGpuOrigin_ns = 1'000'000'000;
constexpr std::int64_t kBoottimeAhead_ns = 5'000'000'000;

std::uint64_t ticks_at(std::int64_t raw_ns) {
  return static_cast<std::uint64_t>((raw_ns - kGpuOrigin_ns) / kTickNs);
}

class SampleAnalysisTest : public ::testing::Test {
 protected:
  SampleAnalysisTest() {
    for (const std::int64_t raw_ns : {2'049'000'000L, 2'052'000'000L, 2'061'000'000L}) {
      ClockSample sample;
      sample.gpu = {static_cast<std::int64_t>(ticks_at(raw_ns)), raw_ns, 20};
      sample.boottime = {raw_ns + kBoottimeAhead_ns, raw_ns, 20};
      clocks_.add(sample);
    }
    observation_.clocks = &clocks_;
    observation_.tick_ns = kTickNs;
    observation_.iteration_ticks = 4;
    observation_.enter_ns = kEnter_ns;
    observation_.leave_ns = kEnter_ns + 70'000;
  }

  /// A wave that stood still in [begin, end) and worked otherwise, in a window of 10 ms.
  WaveWindow wave(std::int64_t begin_ns, std::int64_t end_ns) {
    WaveWindow window;
    window.before.last_clock_ticks = ticks_at(kEnter_ns);
    window.after.last_clock_ticks = ticks_at(kEnter_ns + 10'000'000);
    window.after.longest_gap_start_ticks = ticks_at(begin_ns);
    window.after.longest_gap_ticks = ticks_at(end_ns) - ticks_at(begin_ns);
    window.after.gaps_recorded = 1;
    window.after.iterations =
        static_cast<std::uint64_t>((10'000'000 - (end_ns - begin_ns)) / (4 * kTickNs));
    window.gaps.push_back({window.after.longest_gap_start_ticks, window.after.longest_gap_ticks});
    return window;
  }
  DriverEvent event(DriverEventKind kind, std::int64_t raw_ns) {
    DriverEvent made;
    made.kind = kind;
    made.gpu_id = 1;
    made.boottime_ns = raw_ns + kBoottimeAhead_ns;
    return made;
  }
  analysis::SampleRow analyse() {
    analysis::SampleRow sample;
    analyse_event(observation_, sample);
    return sample;
  }

  static constexpr std::int64_t kEnter_ns = 2'050'000'000;
  ClockCorrelation clocks_;
  EventObservation observation_;
};

TEST_F(SampleAnalysisTest, TakesAnEvictionApart) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 4'330'000)};
  observation_.driver_events = {event(DriverEventKind::kQueueEviction, kEnter_ns + 20'000),
                                event(DriverEventKind::kQueueRestore, kEnter_ns + 4'300'000)};
  const analysis::SampleRow sample = analyse();
  EXPECT_DOUBLE_EQ(*sample[Metric::kSyscall], 70'000);
  EXPECT_DOUBLE_EQ(*sample[Metric::kStall], 4'300'000);
  EXPECT_DOUBLE_EQ(*sample[Metric::kStallTotal], 4'300'000);
  EXPECT_DOUBLE_EQ(*sample[Metric::kGaps], 1);
  EXPECT_NEAR(*sample[Metric::kCallToEvict], 20'000, 50);
  EXPECT_NEAR(*sample[Metric::kEvictToStop], 10'000, 50);
  EXPECT_NEAR(*sample[Metric::kStopToRestore], 4'270'000, 50);
  EXPECT_NEAR(*sample[Metric::kRestoreToProgress], 30'000, 50);
  EXPECT_NEAR(*sample[Metric::kWorkLost], 4'300'000, 100);
  EXPECT_EQ(sample.evictions, 1);
  EXPECT_EQ(sample.restores, 1);
  EXPECT_EQ(sample.lost_events, 0);
  EXPECT_EQ(sample.flags, "");
}

TEST_F(SampleAnalysisTest, StationsAddUpToCallPlusStall) {
  observation_.waves = {wave(kEnter_ns + 31'000, kEnter_ns + 2'000'000)};
  observation_.driver_events = {event(DriverEventKind::kQueueEviction, kEnter_ns + 9'000),
                                event(DriverEventKind::kQueueRestore, kEnter_ns + 1'500'000)};
  const analysis::SampleRow sample = analyse();
  EXPECT_NEAR(*sample[Metric::kStopToRestore] + *sample[Metric::kRestoreToProgress],
              *sample[Metric::kStall], 50);
}

TEST_F(SampleAnalysisTest, TheSlowestWaveGivesTheStallTheMedianIsApart) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 130'000),
                        wave(kEnter_ns + 30'000, kEnter_ns + 330'000),
                        wave(kEnter_ns + 30'000, kEnter_ns + 230'000)};
  const analysis::SampleRow sample = analyse();
  EXPECT_DOUBLE_EQ(*sample[Metric::kStall], 300'000);
  EXPECT_DOUBLE_EQ(*sample[Metric::kStallMedianWave], 200'000);
}

TEST_F(SampleAnalysisTest, WithoutAnEvictionStationsAreEmptyNotZero) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 33'000)};
  const analysis::SampleRow sample = analyse();
  EXPECT_FALSE(sample[Metric::kCallToEvict]);
  EXPECT_FALSE(sample[Metric::kStopToRestore]);
  EXPECT_EQ(sample.evictions, 0);
}

TEST_F(SampleAnalysisTest, ARestoreAfterProgressIsIncoherent) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 1'000'000)};
  observation_.driver_events = {event(DriverEventKind::kQueueEviction, kEnter_ns + 20'000),
                                event(DriverEventKind::kQueueRestore, kEnter_ns + 1'100'000)};
  EXPECT_TRUE(analysis::has_flag(analyse().flags, "incoherent"));
}

TEST_F(SampleAnalysisTest, LostCpuInsideTheStallTaints) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 1'030'000)};
  DriverEvent lost = event(DriverEventKind::kLostCpu, kEnter_ns + 1'000'000);
  lost.lost_ns = 900'000;
  observation_.driver_events = {lost};
  EXPECT_TRUE(analysis::has_flag(analyse().flags, "lost_cpu"));

  lost.boottime_ns = kEnter_ns + 9'000'000 + kBoottimeAhead_ns;  // long after the stall
  observation_.driver_events = {lost};
  EXPECT_FALSE(analysis::has_flag(analyse().flags, "lost_cpu"));
}

TEST_F(SampleAnalysisTest, ACallerThatLostItsCpuTaints) {
  observation_.waves = {wave(kEnter_ns, kEnter_ns)};
  observation_.involuntary_switches = 1;
  EXPECT_TRUE(analysis::has_flag(analyse().flags, "lost_cpu"));
}

TEST_F(SampleAnalysisTest, AnEvictionWithoutARestoreIsALostEvent) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 1'000'000)};
  observation_.driver_events = {event(DriverEventKind::kQueueEviction, kEnter_ns + 20'000)};
  const analysis::SampleRow sample = analyse();
  EXPECT_EQ(sample.lost_events, 1);
  EXPECT_TRUE(analysis::has_flag(sample.flags, "events_lost"));
  EXPECT_FALSE(sample[Metric::kStopToRestore]);
}

TEST_F(SampleAnalysisTest, AnOverflowedRingIsFlagged) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 40'000)};
  observation_.waves[0].after.gaps_recorded = 5;
  EXPECT_TRUE(analysis::has_flag(analyse().flags, "gaps_lost"));
}

TEST_F(SampleAnalysisTest, RescheduledRestoresAreCountedApart) {
  observation_.waves = {wave(kEnter_ns + 30'000, kEnter_ns + 4'330'000)};
  DriverEvent put_off = event(DriverEventKind::kQueueRestore, kEnter_ns + 2'000'000);
  put_off.rescheduled = true;
  observation_.driver_events = {event(DriverEventKind::kQueueEviction, kEnter_ns + 20'000), put_off,
                                event(DriverEventKind::kQueueRestore, kEnter_ns + 4'300'000)};
  const analysis::SampleRow sample = analyse();
  EXPECT_EQ(sample.restores, 1);
  EXPECT_EQ(sample.restores_rescheduled, 1);
  EXPECT_NEAR(*sample[Metric::kRestoreToProgress], 30'000, 50);
}

TEST(StallFloor, IsTheLargestShamStall) {
  std::vector<analysis::SampleRow> samples(4);
  EXPECT_FALSE(stall_floor_ns(samples));
  samples[1].kind = samples[3].kind = analysis::EventKind::kSham;
  samples[0][Metric::kStall] = 900;
  samples[1][Metric::kStall] = 500;
  samples[2][Metric::kStall] = 5000;
  samples[3][Metric::kStall] = 1000;
  ASSERT_EQ(stall_floor_ns(samples), 1000);
  flag_below_floor(samples, 1000);
  EXPECT_TRUE(analysis::has_flag(samples[0].flags, "below_floor"));
  EXPECT_FALSE(analysis::has_flag(samples[2].flags, "below_floor"));
  EXPECT_EQ(samples[1].flags, "");
}

}  // namespace
}  // namespace notifier
