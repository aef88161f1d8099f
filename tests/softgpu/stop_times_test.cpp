// SPDX-License-Identifier: MIT
// Delays planted into one phase of an eviction, and the report that must show them there.
#include "softgpu/core/stop_times.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

#include "process_test.hpp"
#include "test_device.hpp"

namespace softgpu {
namespace {

TEST(Hold, UnderstandsPhaseAndDuration) {
  for (const char* text : {"notifier:5ms", "revalidation:50ms", "resume:200us", "resume:0us"}) {
    Hold hold;
    EXPECT_TRUE(hold.parse(text)) << text;
  }
  for (const char* text : {"", "notifier", "notifier:", "notifier:5", "notifier:5s", "stop:5ms",
                           "resume:-1ms", "resume:61000ms", "resume:99999999999999999999us"}) {
    Hold hold;
    EXPECT_FALSE(hold.parse(text)) << text;
  }
}

TEST(Hold, HoldsTheNamedPhaseOnlyAndSaysHowLong) {
  Hold hold;
  hold.set(HoldPhase::kResume, 300'000);
  hold.wait_in(HoldPhase::kNotifier);
  hold.wait_in(HoldPhase::kRevalidation);
  EXPECT_EQ(hold.last_ns(), 0u);
  hold.wait_in(HoldPhase::kResume);
  EXPECT_GE(hold.last_ns(), 300'000u);
  hold.set(HoldPhase::kNone, 0);
  EXPECT_EQ(hold.last_ns(), 0u);
}

}  // namespace
}  // namespace softgpu

namespace softgpu_test {
namespace {

/// Prints per event the four spans of its report: notifier, delay, restore work, resume.
PROCESS_BODY(report_spans) {
  constexpr std::size_t kSize = 16 * kPage;
  constexpr std::size_t kEvents = 9;
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kSize / 8);
  for (std::size_t event = 0; event < kEvents; ++event) {
    REQUIRE(madvise(memory + 2 * kPage, kPage, MADV_DONTNEED) == 0);
    log.wait_for("35", event + 1);
    kernel.wait_for_passes(1);
  }
  for (const std::string& line : log.all_lines()) {
    std::istringstream in(line);
    std::string id;
    std::string process;
    long long evicted_ns = 0;
    std::array<long long, 6> offset{};
    in >> id >> evicted_ns >> process;
    for (long long& value : offset) {
      in >> value;
    }
    if (id == "35") {
      std::printf("%lld %lld %lld %lld\n", offset[0], offset[1] - offset[0], offset[4] - offset[1],
                  offset[5] - offset[3]);
    }
  }
}

/// Least value of each span over the events: what load adds now and then is not in it.
std::array<long long, 4> least_spans(const std::string& hold) {
  const ProcessResult result = run_process("report_spans", {{"SOFTGPU_HOLD", hold}});
  expect_passed(result);
  std::array<long long, 4> least;
  least.fill(1ll << 60);
  std::istringstream in(result.output);
  std::array<long long, 4> spans{};
  int events = 0;
  while (in >> spans[0] >> spans[1] >> spans[2] >> spans[3]) {
    ++events;
    for (std::size_t index = 0; index < spans.size(); ++index) {
      least[index] = std::min(least[index], spans[index]);
    }
  }
  EXPECT_EQ(events, 9) << result.output;
  return least;
}

TEST(StopReport, WithoutAHoldSpansAreInOrder) {
  for (const long long span : least_spans("")) {
    EXPECT_GE(span, 0);
  }
}

TEST(StopReport, ShowsADelayInTheNotifierThere) {
  const auto held = least_spans("notifier:20ms");
  EXPECT_GE(held[0], 20'000'000);
  EXPECT_LT(held[1], 20'000'000);
  EXPECT_LT(held[2], 20'000'000);
}

TEST(StopReport, ShowsADelayOfTheRestoreWorkThere) {
  for (const char* hold : {"revalidation:20ms", "resume:20ms"}) {
    const auto held = least_spans(hold);
    EXPECT_LT(held[0], 20'000'000) << hold;
    EXPECT_LT(held[1], 20'000'000) << hold;
    EXPECT_GE(held[2], 20'000'000) << hold;
    EXPECT_GE(held[3], held[2]) << "the waves stood still meanwhile: " << hold;
  }
}

}  // namespace
}  // namespace softgpu_test
