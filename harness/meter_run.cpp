// SPDX-License-Identifier: MIT
#include "harness/meter_run.hpp"

#include "harness/case_session.hpp"

namespace notifier {

std::vector<MeterPoint> run_meter(const CaseRequest& request, bool long_form,
                                  DriverEventListener* driver_events, std::uint32_t node_id,
                                  const std::function<void(const std::string&)>& phase) {
  phase("meter: allocate");
  CaseSession session(request, driver_events, node_id);
  session.start(*find_perturbation("sham"));
  session.calibrate();
  std::vector<MeterPoint> points;
  for (const double hold_ns : meter_holds_ns(long_form)) {
    phase("meter: pause");
    points.push_back({"pause", hold_ns, session.hold_by_pause(hold_ns)});
  }
  session.verify();
  return points;
}

}  // namespace notifier
