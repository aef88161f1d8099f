// SPDX-License-Identifier: MIT
// softgpu_speed: what the software GPU costs beside what it is compared with, as a Markdown table
// (docs/softgpu.md).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>

#include "bench/exit_code.hpp"
#include "bench/speed_measures.hpp"
#include "bench/speed_notify.hpp"

namespace notifier {
namespace {

constexpr std::uint32_t kMostWaves = 64;
constexpr std::uint64_t kAccessTimes = 1000;

struct SpeedOptions {
  int runs = 5;
  int events = 200;
  std::size_t most_ranges = 100'000;
  std::size_t most_mib = 256;
  std::uint32_t most_waves = kMostWaves;
};

std::string spread(const std::vector<double>& values, const char* unit) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{:.3g}{} [{:.3g}, {:.3g}]", median_of(values), unit, *least, *most);
}

/// Two prices measured in turn, and their ratio run by run.
void compare(const SpeedOptions& options, const std::string& what, const std::string& target,
             const std::function<std::pair<double, double>()>& measure) {
  std::vector<double> prices;
  std::vector<double> references;
  std::vector<double> ratios;
  for (int run = 0; run < options.runs; ++run) {
    const auto [price, reference] = measure();
    prices.push_back(price);
    references.push_back(reference);
    ratios.push_back(price / reference);
  }
  fmt::print("| {} | {} | {} | {} | {} |\n", what, spread(prices, " ns"), spread(references, " ns"),
             spread(ratios, ""), target);
  std::fflush(stdout);
}

/// Notified calls with more and more of something, against the first row's median.
class Growth {
 public:
  Growth(const SpeedOptions& options, std::string target)
      : options_(options), target_(std::move(target)) {}

  void row(const std::string& what, const std::function<double()>& measure) {
    std::vector<double> prices;
    for (int run = 0; run < options_.runs; ++run) {
      prices.push_back(measure());
    }
    first_ns_ = first_ns_ == 0 ? median_of(prices) : first_ns_;
    std::vector<double> ratios = prices;
    for (double& ratio : ratios) ratio /= first_ns_;
    fmt::print("| {} | {} | {:.3g} ns | {} | {} |\n", what, spread(prices, " ns"), first_ns_,
               spread(ratios, ""), target_);
    std::fflush(stdout);
  }

 private:
  const SpeedOptions& options_;
  const std::string target_;
  double first_ns_ = 0;
};

void compare_with_others(const SpeedOptions& options, const BareNotification& bare) {
  const RegisteredMemory memory(4096);
  compare(options, "load + store through the MMU / plain", "≤ 2", [&] {
    const AccessTimes times = time_accesses(memory, kAccessTimes);
    return std::pair(times.through_mmu_ns, times.plain_ns);
  });
  compare(options, "parking a wave / stopping a thread by signal", "≤ 0.1", [&] {
    double parking_ns = 0;
    {
      // Not beside the signalled thread: on two CPUs one of three would wait for the scheduler.
      const RunningWaves waves(memory, 1);
      parking_ns = time_parking(waves, options.events);
    }
    return std::pair(parking_ns, time_signal_stop(options.events));
  });
  const RunningWaves waves(memory, 1);
  compare(options, "notified madvise, 1 wave / bare notification", "≤ 3", [&] {
    const double notified_ns = time_notified(memory, 4096, waves, options.events);
    return std::pair(notified_ns, bare.median_ns(options.events));
  });
}

void grow_waves(const SpeedOptions& options) {
  Growth growth(options, "-");
  const RegisteredMemory memory(4096);
  for (std::uint32_t count = 1; count <= options.most_waves; count *= 4) {
    const RunningWaves waves(memory, count);
    growth.row(fmt::format("notified madvise, waves: {}", count),
               [&] { return time_notified(memory, 4096, waves, options.events); });
  }
}

void grow_size(const SpeedOptions& options) {
  Growth growth(options, "-");
  for (std::size_t size = 4096; size <= options.most_mib << 20; size *= 16) {
    const RegisteredMemory memory(size);
    const RunningWaves waves(memory, 1);
    growth.row(fmt::format("notified madvise, registered: {} KiB", size >> 10),
               [&] { return time_notified(memory, size, waves, options.events); });
  }
}

/// Last: the ranges stay.
void grow_ranges(const SpeedOptions& options) {
  Growth growth(options, "≤ 1.5");
  const RegisteredMemory memory(4096);
  const RunningWaves waves(memory, 1);
  std::size_t registered = 1;
  for (std::size_t count = 1; count <= options.most_ranges; count *= 10) {
    if (count > registered) register_pages(count - registered);
    registered = count;
    growth.row(fmt::format("notified madvise, ranges: {}", count),
               [&] { return time_notified(memory, 4096, waves, options.events); });
  }
}

int run(const SpeedOptions& options) {
  const BareNotification bare;  // before the device: see there
  fmt::print("| what | price | compared with | ratio | target |\n|---|---|---|---|---|\n");
  compare_with_others(options, bare);
  grow_waves(options);
  grow_size(options);
  grow_ranges(options);
  return kExitOk;
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  notifier::SpeedOptions options;
  CLI::App app("What the software GPU costs: median of the runs' medians [least, most]");
  app.add_option("--runs", options.runs, "runs of each row")->check(CLI::Range(1, 1000));
  app.add_option("--events", options.events, "events of each run")->check(CLI::Range(1, 1'000'000));
  app.add_option("--most-ranges", options.most_ranges, "registered ranges at most")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--most-mib", options.most_mib, "registered MiB at most")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--most-waves", options.most_waves, "waves at most")
      ->check(CLI::Range(1u, notifier::kMostWaves));
  CLI11_PARSE(app, argc, argv);
  setenv("SOFTGPU_WAVES", std::to_string(notifier::kMostWaves).c_str(), 1);
  try {
    return notifier::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "softgpu_speed: {}\n", error.what());
    return notifier::kExitNothingRan;
  }
}
