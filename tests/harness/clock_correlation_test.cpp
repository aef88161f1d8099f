// SPDX-License-Identifier: MIT
// Synthetic clocks with known truth: whatever happens to them, a mapped time is right to within
// 1 us plus the bracket's half width, and its residual covers the error.
#include "clock_correlation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace notifier {
namespace {

// Both clocks as functions of raw time.
struct World {
  std::function<double(double)> gpu_ticks;    // of raw ns
  std::function<double(double)> boottime_ns;  // of raw ns
};

World plain_world() {
  return {.gpu_ticks = [](double raw) { return 5e9 + raw * 0.1; },  // 100 MHz
          .boottime_ns = [](double raw) { return 7e12 + raw; }};
}

ClockTriple read_at(const World& world, double raw, double gpu_delay_ns, double boottime_delay_ns) {
  // before -> GPU counter -> raw -> BOOTTIME -> after, the delays on one side of each read only:
  // the worst that the brackets allow.
  return {.raw_before_ns = std::llround(raw - gpu_delay_ns),
          .gpu_ticks = static_cast<std::uint64_t>(std::llround(world.gpu_ticks(raw - 1))),
          .raw_ns = std::llround(raw),
          .boottime_ns = std::llround(world.boottime_ns(raw + 1)),
          .raw_after_ns = std::llround(raw + boottime_delay_ns)};
}

// Brackets every `interval_ns` from 0 to `end_ns`, reads delayed by up to `delay_ns`.
ClockCorrelation correlate(const World& world, double end_ns, double interval_ns, double delay_ns) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> delay(delay_ns / 4, delay_ns);
  ClockCorrelation correlation;
  for (double raw = 0; raw <= end_ns; raw += interval_ns) {
    std::vector<ClockTriple> triples;
    for (int reading = 0; reading < 4; ++reading) {
      triples.push_back(read_at(world, raw + reading * 10'000, delay(random), delay(random)));
    }
    correlation.add(*tightest(triples));
  }
  return correlation;
}

constexpr double kMillisecond = 1e6;
constexpr double kSecond = 1e9;

// Maps instants over (from, to) and compares with the truth.
void expect_right(const World& world, const ClockCorrelation& correlation, double from_ns,
                  double to_ns, double half_width_ns) {
  for (double raw = from_ns; raw < to_ns; raw += (to_ns - from_ns) / 997) {
    const auto from_gpu = correlation.gpu.to_raw(std::llround(world.gpu_ticks(raw)));
    const auto from_boottime = correlation.boottime.to_raw(std::llround(world.boottime_ns(raw)));
    ASSERT_TRUE(from_gpu && from_boottime) << raw;
    const double gpu_error_ns = std::abs(static_cast<double>(from_gpu->value) - raw);
    const double boottime_error_ns = std::abs(static_cast<double>(from_boottime->value) - raw);
    ASSERT_LE(gpu_error_ns, 1000 + half_width_ns) << raw;
    ASSERT_LE(boottime_error_ns, 1000 + half_width_ns) << raw;
    // A tick of 10 ns is the counter's own resolution, and numbers are rounded to whole ns.
    ASSERT_LE(gpu_error_ns, from_gpu->residual_ns + 12) << raw;
    ASSERT_LE(boottime_error_ns, from_boottime->residual_ns + 2) << raw;
    ASSERT_FALSE(from_gpu->ambiguous || from_boottime->ambiguous);
  }
}

TEST(ClockBracket, LiesBetweenTheReadsAroundIt) {
  const ClockTriple triple{.raw_before_ns = 1000,
                           .gpu_ticks = 77,
                           .raw_ns = 1400,
                           .boottime_ns = 9000,
                           .raw_after_ns = 2001};
  const ClockBracket gpu = gpu_bracket(triple);
  EXPECT_EQ(gpu.value, 77);
  EXPECT_EQ(gpu.raw_ns, 1200);
  EXPECT_EQ(gpu.half_width_ns, 200);
  const ClockBracket boottime = boottime_bracket(triple);
  EXPECT_EQ(boottime.value, 9000);
  EXPECT_EQ(boottime.raw_ns, 1700);
  EXPECT_EQ(boottime.half_width_ns, 301);  // rounded up
}

TEST(ClockBracket, DriverTimeOutsideTheBracketIsNotTrusted) {
  const ClockTriple triple{.raw_before_ns = 1000,
                           .gpu_ticks = 77,
                           .raw_ns = 5,
                           .boottime_ns = 9000,
                           .raw_after_ns = 2000};
  EXPECT_EQ(gpu_bracket(triple).raw_ns, 1500);
  EXPECT_EQ(gpu_bracket(triple).half_width_ns, 500);
  EXPECT_EQ(boottime_bracket(triple).half_width_ns, 500);
}

TEST(ClockBracket, TightestOfEachClockIsTaken) {
  const std::vector<ClockTriple> triples = {{0, 10, 900, 11, 1000}, {2000, 20, 2100, 21, 3000}};
  const auto sample = tightest(triples);
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->gpu.value, 20);       // 100 ns wide instead of 900
  EXPECT_EQ(sample->boottime.value, 11);  // 100 ns wide instead of 900
  EXPECT_FALSE(tightest({}).has_value());
}

TEST(ClockCorrelation, SteadyClocks) {
  const World world = plain_world();
  expect_right(world, correlate(world, kSecond, 2 * kMillisecond, 800), 0, kSecond, 400);
}

TEST(ClockCorrelation, CrystalsDriftAgainstEachOther) {
  World world = plain_world();
  // 30 ppm off, wandering by 0.2 ppm over ten seconds.
  world.gpu_ticks = [](double raw) {
    return 1e9 + raw * 0.1 * (1 + 30e-6) + 0.1 * 0.2e-6 * 1e10 / 6.28 * std::sin(raw / 1e10 * 6.28);
  };
  expect_right(world, correlate(world, 10 * kSecond, 50 * kMillisecond, 800), 0, 10 * kSecond, 400);
}

TEST(ClockCorrelation, NtpSlewsBoottime) {
  World world = plain_world();
  // The largest slew, switched on and off every 0.3 s, in the middle of segments too.
  world.boottime_ns = [](double raw) {
    const double period = 0.6e9;
    const double inside = std::fmod(raw, period);
    const double slewed_ns = std::min(inside, period / 2) + std::floor(raw / period) * period / 2;
    return 3e12 + raw + 500e-6 * slewed_ns;
  };
  expect_right(world, correlate(world, 2 * kSecond, 2 * kMillisecond, 800), 0, 2 * kSecond, 400);
}

TEST(ClockCorrelation, SlewBetweenDistantBracketsIsInTheResidual) {
  // Brackets 100 ms apart cannot follow a slew that starts between them; the residual must say so.
  const auto boottime = [](double raw) {
    return 1e12 + raw + 500e-6 * std::max(raw - 0.45e9, 0.0);
  };
  ClockMapping mapping(boottime_traits());
  for (double raw = 0; raw <= kSecond; raw += 0.1e9) {
    mapping.add(
        {.value = std::llround(boottime(raw)), .raw_ns = std::llround(raw), .half_width_ns = 100});
  }
  double worst_ns = 0;
  for (double raw = 0; raw < kSecond; raw += 1e6) {
    const auto found = mapping.to_raw(std::llround(boottime(raw)));
    ASSERT_TRUE(found.has_value());
    const double error_ns = std::abs(static_cast<double>(found->value) - raw);
    worst_ns = std::max(worst_ns, error_ns);
    ASSERT_LE(error_ns, found->residual_ns + 2) << raw;
  }
  EXPECT_GT(worst_ns, 10'000);  // the case is a hard one
}

TEST(ClockCorrelation, AsymmetricReadsStayInsideTheBracket) {
  const World world = plain_world();
  ClockCorrelation correlation;
  for (double raw = 0; raw <= kSecond; raw += kMillisecond) {
    // All of the delay on one side: the counter was read 1 ns before the driver's time, 20 us after
    // the first reading.
    const ClockTriple triple = read_at(world, raw, 20'000, 20'000);
    correlation.add({gpu_bracket(triple), boottime_bracket(triple)});
  }
  expect_right(world, correlation, 0, kSecond, 10'000);
}

TEST(ClockCorrelation, SuspendMovesBoottimeAndNothingElse) {
  World world = plain_world();
  // 3 s of suspend in which MONOTONIC_RAW stands still, 0.3 ms into a segment.
  const double suspend = 500.3 * kMillisecond;
  world.boottime_ns = [suspend](double raw) { return 1e12 + raw + (raw > suspend ? 3e9 : 0); };
  const ClockCorrelation correlation = correlate(world, kSecond, 2 * kMillisecond, 800);
  EXPECT_EQ(correlation.boottime.steps(), 1u);
  EXPECT_EQ(correlation.gpu.steps(), 0u);
  expect_right(world, correlation, 0, suspend - 1, 400);
  expect_right(world, correlation, suspend + 1, kSecond, 400);
  // BOOTTIME in the middle of the suspend was never shown to anybody.
  EXPECT_FALSE(correlation.boottime.to_raw(std::llround(1e12 + suspend + 1.5e9)).has_value());
}

TEST(ClockCorrelation, SmallStepIsFoundAndItsDoubtStated) {
  // A step of 0.4 ms inside a segment of 2 ms: two raw times may belong to one value.
  const double step = 500.9 * kMillisecond;
  const auto boottime = [step](double raw) { return 1e12 + raw + (raw > step ? 400e3 : 0); };
  ClockMapping mapping(boottime_traits());
  for (double raw = 0; raw <= kSecond; raw += 2 * kMillisecond) {
    mapping.add(
        {.value = std::llround(boottime(raw)), .raw_ns = std::llround(raw), .half_width_ns = 300});
  }
  EXPECT_EQ(mapping.steps(), 1u);
  bool ambiguous_somewhere = false;
  for (double raw = 0.4e9; raw < 0.6e9; raw += 1e4) {
    const auto found = mapping.to_raw(std::llround(boottime(raw)));
    ASSERT_TRUE(found.has_value()) << raw;
    ASSERT_LE(std::abs(static_cast<double>(found->value) - raw), found->residual_ns + 2) << raw;
    ambiguous_somewhere |= found->ambiguous;
    const bool in_other_segment = raw < 500e6 || raw > 502.5e6;
    ASSERT_TRUE(!found->ambiguous || !in_other_segment) << raw;
  }
  EXPECT_TRUE(ambiguous_somewhere);
}

TEST(ClockCorrelation, GpuResetStartsItsCounterAgain) {
  World world = plain_world();
  const double reset = 500.3 * kMillisecond;
  world.gpu_ticks = [reset](double raw) {
    return raw < reset ? 9e9 + raw * 0.1 : (raw - reset) * 0.1;
  };
  const ClockCorrelation correlation = correlate(world, kSecond, 2 * kMillisecond, 800);
  EXPECT_EQ(correlation.gpu.steps(), 1u);
  expect_right(world, correlation, 0, reset - 1, 400);
  expect_right(world, correlation, reset + 1, kSecond, 400);
}

TEST(ClockMapping, RawToClockAndBack) {
  const World world = plain_world();
  const ClockCorrelation correlation = correlate(world, kSecond, 2 * kMillisecond, 400);
  for (std::int64_t raw = 1; raw < 1'000'000'000; raw += 1'234'567) {
    const auto ticks = correlation.gpu.from_raw(raw);
    ASSERT_TRUE(ticks.has_value());
    ASSERT_NEAR(static_cast<double>(ticks->value), world.gpu_ticks(static_cast<double>(raw)), 22);
    const auto back = correlation.gpu.to_raw(ticks->value);
    ASSERT_NEAR(static_cast<double>(back->value), static_cast<double>(raw), 10);
  }
}

TEST(ClockMapping, BehindTheLastBracketTheResidualGrows) {
  const World world = plain_world();
  const ClockCorrelation correlation = correlate(world, 0.2e9, 2 * kMillisecond, 800);
  const auto near = correlation.boottime.to_raw(std::llround(world.boottime_ns(0.201e9)));
  const auto far = correlation.boottime.to_raw(std::llround(world.boottime_ns(1.2e9)));
  ASSERT_TRUE(near && far);
  EXPECT_LE(std::abs(static_cast<double>(near->value) - 0.201e9), near->residual_ns);
  EXPECT_LE(std::abs(static_cast<double>(far->value) - 1.2e9), far->residual_ns);
  EXPECT_GT(far->residual_ns, near->residual_ns + 1e5);  // 1 s of a possible 1000 ppm slew
}

TEST(ClockMapping, NothingIsInvented) {
  ClockMapping gpu(gpu_clock_traits());
  EXPECT_FALSE(gpu.to_raw(5).has_value());
  EXPECT_FALSE(gpu.from_raw(5).has_value());
  EXPECT_FALSE(gpu.rate().has_value());
  gpu.add({.value = 10, .raw_ns = 100, .half_width_ns = 1});
  EXPECT_FALSE(gpu.to_raw(20).has_value());  // one bracket and no known rate
  EXPECT_FALSE(gpu.rate().has_value());
  ClockMapping boottime(boottime_traits());
  boottime.add({.value = 10, .raw_ns = 100, .half_width_ns = 1});
  EXPECT_EQ(boottime.to_raw(20)->value, 110);  // its nominal rate is known
}

TEST(ClockMapping, LaterBracketOfTheSameInstantWinsOnlyIfTighter) {
  ClockMapping mapping(boottime_traits());
  mapping.add({.value = 1000, .raw_ns = 100, .half_width_ns = 50});
  mapping.add({.value = 1010, .raw_ns = 100, .half_width_ns = 60});
  EXPECT_EQ(mapping.from_raw(100)->value, 1000);
  mapping.add({.value = 1005, .raw_ns = 100, .half_width_ns = 10});
  EXPECT_EQ(mapping.size(), 1u);
  EXPECT_EQ(mapping.from_raw(100)->value, 1005);
}

TEST(ClockMapping, ForgettingKeepsTheBracketBeforeTheCut) {
  ClockMapping mapping(boottime_traits());
  for (std::int64_t raw = 0; raw <= 10; ++raw) {
    mapping.add({.value = raw * 1'000'000, .raw_ns = raw * 1'000'000, .half_width_ns = 10});
  }
  mapping.forget_before(5'500'000);
  EXPECT_EQ(mapping.size(), 6u);
  EXPECT_EQ(mapping.to_raw(5'500'000)->value, 5'500'000);
  EXPECT_NEAR(mapping.to_raw(5'500'000)->residual_ns, 10, 600);
}

TEST(CalibrateRate, TwoSamplesGiveRateAndItsError) {
  const auto rate =
      calibrate_rate({.value = 0, .raw_ns = 0, .half_width_ns = 500},
                     {.value = 10'000'000, .raw_ns = 100'000'000, .half_width_ns = 500});
  ASSERT_TRUE(rate.has_value());
  EXPECT_DOUBLE_EQ(rate->units_per_second, 100e6);
  EXPECT_DOUBLE_EQ(rate->uncertainty_per_second, 1000.0);  // 1 us in 100 ms: 10 ppm
  EXPECT_FALSE(calibrate_rate({.value = 5, .raw_ns = 5}, {.value = 5, .raw_ns = 9}).has_value());
  EXPECT_FALSE(calibrate_rate({.value = 5, .raw_ns = 5}, {.value = 6, .raw_ns = 5}).has_value());
}

}  // namespace
}  // namespace notifier
