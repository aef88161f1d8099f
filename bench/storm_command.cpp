// SPDX-License-Identifier: MIT
#include "bench/storm_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <iterator>

#include "bench/exit_code.hpp"
#include "bench/suite.hpp"

namespace notifier {
namespace {

constexpr double kSecondsPerRate = 1;

std::string per_restore(const StormPoint& point) {
  if (point.restores == 0) return "-";
  return fmt::format("{:.1f}",
                     static_cast<double>(point.events) / static_cast<double>(point.restores));
}

}  // namespace

std::string storm_markdown(const std::string& case_name, std::span<const StormPoint> points) {
  std::string text = fmt::format(
      "{}\n\n| events/s | done/s | work left | evictions | events per restore | restores put off | "
      "retry faults |\n|---:|---:|---:|---:|---:|---:|---:|\n",
      case_name);
  for (const StormPoint& point : points) {
    fmt::format_to(std::back_inserter(text), "| {:.0f} | {:.0f} | {:.1f} % | {} | {} | {} | {} |\n",
                   point.wanted_per_s, point.done_per_s, 100 * point.work_share, point.evictions,
                   per_restore(point), point.rescheduled, point.faults);
  }
  const std::optional<double> livelock = livelock_rate(points);
  text += livelock ? fmt::format(
                         "\nlivelock from {:.0f} events per second on: less than {:.0f} % "
                         "of the work is done\n",
                         *livelock, 100 * kLivelockShare)
                   : fmt::format(
                         "\nno livelock: at each rate more than {:.0f} % of the work is "
                         "done, or a higher rate leaves more\n",
                         100 * kLivelockShare);
  return text;
}

std::string storm_csv(std::span<const StormPoint> points) {
  std::string text =
      "wanted_per_s,done_per_s,work_share,events,evictions,restores,restores_rescheduled,"
      "faults\r\n";
  for (const StormPoint& point : points) {
    fmt::format_to(std::back_inserter(text), "{:.0f},{:.3f},{:.6f},{},{},{},{},{}\r\n",
                   point.wanted_per_s, point.done_per_s, point.work_share, point.events,
                   point.evictions, point.restores, point.rescheduled, point.faults);
  }
  return text;
}

int print_storm(const Options& options, const DeviceInfo& device, std::uint64_t seed) {
  CaseRequest request;
  request.wanted = *parse_case(options.storm);
  request.seed = seed;
  request.grid = {options.waves.value_or(device.compute_units), device.lanes_per_wave};
  const auto worker = WorkerProcess::start(WorkerProcess::environment_for(request.wanted));
  const WorkerProcess::StormOutcome storm = worker->storm(request, kSecondsPerRate, stop_requested);
  if (!storm.failure.empty()) {
    std::fprintf(stderr, "not measured: %s\n", storm.failure.c_str());
    return kExitNothingRan;
  }
  std::printf("%s", options.csv ? storm_csv(storm.points).c_str()
                                : storm_markdown(options.storm, storm.points).c_str());
  if (!options.csv) std::printf("platform=%s\n", device.platform.c_str());
  return kExitOk;
}

}  // namespace notifier
