// SPDX-License-Identifier: MIT
#include "softgpu/core/stop_times.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {
namespace {

constexpr std::uint64_t kLongestHoldNs = 60'000'000'000;
// A timer wakes late by its slack (50 µs); the rest is spun, so that a hold is as long as asked.
constexpr std::uint64_t kSpunNs = 150'000;
// What the report of a stop waits for at most; a wave that gets no CPU for longer has none.
constexpr int kWaveWaitRounds = 200;
constexpr std::uint64_t kWaveWaitNs = 50'000;

struct PhaseName {
  std::string_view name;
  HoldPhase phase;
};
constexpr std::array kPhases = {PhaseName{"notifier", HoldPhase::kNotifier},
                                PhaseName{"revalidation", HoldPhase::kRevalidation},
                                PhaseName{"resume", HoldPhase::kResume}};

void sleep_ns(std::uint64_t duration_ns) {
  const timespec duration{static_cast<time_t>(duration_ns / 1'000'000'000),
                          static_cast<long>(duration_ns % 1'000'000'000)};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);
}

std::uint64_t unit_ns(std::string_view unit) {
  if (unit == "us") {
    return 1'000;
  }
  return unit == "ms" ? 1'000'000 : 0;
}

}  // namespace

void take_wave_times(WaveTable& waves, StopTimes& times) {
  StopTimes seen = times;
  seen.first_parked_ns = seen.first_resumed_ns = std::numeric_limits<std::uint64_t>::max();
  std::size_t stopped = 0;
  for (std::size_t index = 0; index < waves.size(); ++index) {
    const Wave& wave = waves.wave(index);
    const std::uint64_t parked_ns = wave.parked_ns.load(std::memory_order_acquire);
    if (parked_ns < times.evicted_ns) {
      continue;  // it was idle, or took no part in this stop
    }
    std::uint64_t resumed_ns = wave.resumed_ns.load(std::memory_order_acquire);
    for (int round = 0; resumed_ns < parked_ns; ++round) {
      if (round == kWaveWaitRounds || waves.stop_requested()) {
        return;
      }
      sleep_ns(kWaveWaitNs);
      resumed_ns = wave.resumed_ns.load(std::memory_order_acquire);
    }
    if (wave.parked_ns.load(std::memory_order_acquire) != parked_ns) {
      return;
    }
    ++stopped;
    seen.first_parked_ns = std::min(seen.first_parked_ns, parked_ns);
    seen.last_parked_ns = std::max(seen.last_parked_ns, parked_ns);
    seen.first_resumed_ns = std::min(seen.first_resumed_ns, resumed_ns);
    seen.last_resumed_ns = std::max(seen.last_resumed_ns, resumed_ns);
  }
  if (stopped != 0) {
    times = seen;
  }
}

bool Hold::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  const std::string_view name = text.substr(0, colon);
  const auto* found = std::find_if(kPhases.begin(), kPhases.end(),
                                   [&](const PhaseName& entry) { return entry.name == name; });
  const std::string_view number = text.substr(colon + 1);
  std::uint64_t value = 0;
  const char* end = number.data() + number.size();
  const auto [rest, error] = std::from_chars(number.data(), end, value);
  const std::uint64_t factor =
      unit_ns(std::string_view(rest, static_cast<std::size_t>(end - rest)));
  if (found == kPhases.end() || error != std::errc() || factor == 0 ||
      value > kLongestHoldNs / factor) {
    return false;
  }
  set(found->phase, value * factor);
  return true;
}

void Hold::set(HoldPhase phase, std::uint64_t duration_ns) {
  phase_.store(HoldPhase::kNone, std::memory_order_release);
  duration_ns_.store(std::min(duration_ns, kLongestHoldNs), std::memory_order_release);
  last_ns_.store(0, std::memory_order_release);
  phase_.store(phase, std::memory_order_release);
}

void Hold::wait_in(HoldPhase phase) {
  if (phase_.load(std::memory_order_acquire) != phase) {
    return;
  }
  const std::uint64_t start_ns = read_clock_ns(CLOCK_MONOTONIC_RAW);
  const std::uint64_t duration_ns = duration_ns_.load(std::memory_order_acquire);
  if (duration_ns > kSpunNs) {
    sleep_ns(duration_ns - kSpunNs);
  }
  std::uint64_t elapsed_ns = 0;
  do {
    elapsed_ns = read_clock_ns(CLOCK_MONOTONIC_RAW) - start_ns;
  } while (elapsed_ns < duration_ns);
  last_ns_.store(elapsed_ns, std::memory_order_release);
}

Hold& hold() {
  static constinit Hold the_hold;
  return the_hold;
}

}  // namespace softgpu
