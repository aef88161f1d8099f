// SPDX-License-Identifier: MIT
// What a worker of the bench can be asked for.
#include <unistd.h>

#include <memory>

#include "harness/bystander_process.hpp"
#include "harness/meter_run.hpp"
#include "harness/storm.hpp"
#include "harness/worker.hpp"

namespace notifier {
namespace {

using nlohmann::json;

void run_one_case(const json& message, const WorkerSide& worker) {
  const CaseRequest request = request_from_json(message);
  const CaseResult result =
      run_case(request, worker.driver_events, worker.device, worker.observer());
  worker.channel.send(to_json(result));
  if (request.sacrifice) _exit(0);  // its queues never run again, so nothing can be ended in order
}

void measure_meter(const json& message, const WorkerSide& worker) {
  const MeterRun run =
      run_meter(request_from_json(message), message.at("long_form"), worker.driver_events,
                worker.device, [&](const std::string& phase) { worker.send_phase(phase, -1); });
  json answer{{"type", "meter"}, {"points", json::array()}, {"refusals", run.refusals}};
  for (const MeterPoint& point : run.points) {
    answer["points"].push_back({{"method", point.method},
                                {"hold_ns", point.hold_ns},
                                {"injected_ns", point.injected_ns},
                                {"measured_ns", point.measured_ns}});
  }
  worker.channel.send(answer);
}

void measure_storm(const json& message, const WorkerSide& worker) {
  json answer{{"type", "storm"}, {"points", json::array()}};
  for (const StormPoint& point :
       run_storm(request_from_json(message), message.at("seconds"), worker.driver_events,
                 worker.device.node_id,
                 [&](const std::string& phase) { worker.send_phase(phase, -1); })) {
    answer["points"].push_back(to_json(point));
  }
  worker.channel.send(answer);
}

/// What another worker asks of the process beside it.
WorkerTask stand_by() {
  return [server = std::make_shared<BystanderServer>()](const json& message,
                                                        const WorkerSide& worker) {
    worker.channel.send(server->answer(message, worker.device, worker.driver_events));
  };
}

}  // namespace

WorkerTasks bench_tasks() {
  return {{"run", run_one_case},
          {"meter", measure_meter},
          {"storm", measure_storm},
          {"bystander", stand_by()}};
}

}  // namespace notifier
