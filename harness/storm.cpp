// SPDX-License-Identifier: MIT
#include "harness/storm.hpp"

#include "harness/cannot_perform.hpp"
#include "harness/case_session.hpp"

namespace notifier {

std::optional<double> livelock_rate(std::span<const StormPoint> points) {
  std::optional<double> rate;
  for (const StormPoint& point : points) {
    if (point.work_share >= kLivelockShare) {
      rate.reset();
    } else if (!rate) {
      rate = point.wanted_per_s;
    }
  }
  return rate;
}

nlohmann::json to_json(const StormPoint& point) {
  return {{"wanted_per_s", point.wanted_per_s}, {"done_per_s", point.done_per_s},
          {"work_share", point.work_share},     {"events", point.events},
          {"evictions", point.evictions},       {"restores", point.restores},
          {"rescheduled", point.rescheduled},   {"faults", point.faults}};
}

StormPoint storm_point_from_json(const nlohmann::json& json) {
  StormPoint point;
  point.wanted_per_s = json.at("wanted_per_s");
  point.done_per_s = json.at("done_per_s");
  point.work_share = json.at("work_share");
  point.events = json.at("events");
  point.evictions = json.at("evictions");
  point.restores = json.at("restores");
  point.rescheduled = json.at("rescheduled");
  point.faults = json.at("faults");
  return point;
}

std::vector<StormPoint> run_storm(const CaseRequest& request, double seconds,
                                  DriverEventListener* driver_events, std::uint32_t node_id,
                                  const std::function<void(const std::string&)>& phase) {
  const Perturbation* row = find_perturbation(request.wanted.perturbation);
  if (row == nullptr) throw std::invalid_argument("no perturbation " + request.wanted.perturbation);
  phase("allocate");
  CaseSession session(request, driver_events, node_id);
  const TouchRule rule = touch_rule(request.wanted, *row, session.buffer().path());
  if (rule.touch != Touch::kKeeps || row->rebuilds || row->ends_process || row->waits_for_work) {
    throw CannotPerform("no storm of " + std::string(row->name) +
                        ": between two events the memory has to be made whole again");
  }
  session.start(*row);
  session.calibrate();
  std::vector<StormPoint> points;
  for (const double rate : kStormRates) {
    phase("storm of " + std::to_string(static_cast<int>(rate)) + " per second");
    points.push_back(session.storm(*row, rate, seconds));
  }
  session.verify();
  return points;
}

}  // namespace notifier
