// SPDX-License-Identifier: MIT
#include "bench/drain_worker.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "harness/clock_reader.hpp"
#include "harness/device.hpp"

namespace notifier {
namespace {

using nlohmann::json;

constexpr const char* kDrain = "drain";

double measure_tick_ns(const ClockReader& reader) {
  constexpr std::int64_t kApartNs = 20'000'000;
  ClockCorrelation clocks;
  clocks.add(reader.read());
  const std::int64_t start_ns = monotonic_raw_ns();
  while (monotonic_raw_ns() - start_ns < kApartNs) {
  }
  clocks.add(reader.read());
  const auto rate = clocks.gpu.rate();
  if (!rate) throw std::runtime_error("the device's clock does not run (hsaKmtGetClockCounters)");
  return 1e9 / rate->units_per_second;
}

CaseResult skipped(const DrainRequest& request, std::string reason) {
  CaseResult result;
  result.identity = describe_drain_case(request);
  result.identity.status = analysis::Status::kSkipped;
  result.identity.reason = std::move(reason);
  return result;
}

CaseResult run(const DrainRequest& request, const WorkerSide& worker) {
  static const double tick_ns = measure_tick_ns(ClockReader(worker.device.node_id));
  const WorkloadGrid grid{worker.device.compute_units, worker.device.lanes_per_wave};
  const std::uint64_t lines = request.wanted.size_bytes / (kWordsPerLine * sizeof(std::uint64_t));
  if (lines < std::uint64_t{grid.waves} * grid.lanes_per_wave) {
    return skipped(request, "fewer lines of 64 bytes than lanes");
  }
  if (std::string obstacle = recovery_obstacle(request.wanted.mode); !obstacle.empty()) {
    return skipped(request, std::move(obstacle));
  }
  worker.send_phase("allocate", -1);
  DrainSession session({.wanted = request.wanted.memory_case(),
                        .job_ns = request.wanted.job_ns,
                        .seed = request.run.seed,
                        .grid = grid,
                        .tick_ns = tick_ns},
                       worker.driver_events);
  // The path is only known now: newer runtimes register what older ones make a userptr BO.
  if (std::string obstacle = drain_obstacle(request.wanted, session.path()); !obstacle.empty()) {
    return skipped(request, std::move(obstacle));
  }
  return run_drain_case(request, session, worker.observer());
}

}  // namespace

json to_json(const DrainRequest& request) {
  return {{"type", kDrain},
          {"case", request.wanted.name()},
          {"events", request.run.events},
          {"run", request.run.run},
          {"seed", request.run.seed},
          {"recording_start_ns", request.run.recording_start_ns},
          {"time_limit_ms", request.run.time_limit.count()}};
}

DrainRequest drain_request_from_json(const json& json) {
  const std::string name = json.at("case");
  const std::optional<DrainCase> wanted = find_drain_case(name);
  if (!wanted) throw std::invalid_argument("unknown case " + name);
  return {.wanted = *wanted,
          .run = {.events = json.at("events"),
                  .run = json.at("run"),
                  .seed = json.at("seed"),
                  .recording_start_ns = json.at("recording_start_ns"),
                  .time_limit =
                      std::chrono::milliseconds(json.at("time_limit_ms").get<std::int64_t>())}};
}

WorkerTasks drain_tasks() {
  return {{kDrain, [](const json& message, const WorkerSide& worker) {
             const DrainRequest request = drain_request_from_json(message);
             CaseResult result;
             try {
               result = run(request, worker);
             } catch (const CannotPerform& obstacle) {
               result = skipped(request, obstacle.what());
             }
             worker.channel.send(to_json(result));
           }}};
}

}  // namespace notifier
