// SPDX-License-Identifier: MIT
#include "harness/meter_run.hpp"

#include "harness/case_session.hpp"

namespace notifier {

namespace {

constexpr const char* kNoUserfaultOnHardware =
    "refused on rocm: HMM takes a page whose fault has to wait for a hole, and the next touch of "
    "it "
    "is fatal";

using Reading = MeterReading;
using Inject = std::function<Reading(double hold_ns)>;

}  // namespace

MeterRun run_meter(const CaseRequest& request, bool long_form, DriverEventListener* driver_events,
                   const DeviceInfo& device, const std::function<void(const std::string&)>& phase) {
  phase("meter: allocate");
  CaseSession session(request, driver_events, device.node_id);
  session.start(*find_perturbation("sham"));
  session.calibrate();
  MeterRun run;
  const auto measure = [&](const std::string& method, const Inject& inject) {
    inject(0);  // not a point: caches and page tables are cold
    for (const double hold_ns : meter_holds_ns(long_form)) {
      phase("meter: " + method);
      const Reading reading = inject(hold_ns);
      const double injected_ns = hold_ns == 0 ? 0 : reading.injected_ns;
      run.points.push_back({method, hold_ns, injected_ns, reading.measured_ns});
    }
  };
  measure("pause", [&](double hold_ns) {
    return Reading{hold_ns, session.hold_by_pause(hold_ns)};
  });
  if (device.platform == "software" && CaseSession::can_hold_notifier()) {
    measure("notifier", [&](double hold_ns) { return session.hold_by_notifier(hold_ns); });
  } else {
    run.refusals.push_back("notifier: only the software GPU can be told to stay in its notifier");
  }
  if (device.platform == "rocm") {
    run.refusals.push_back(std::string("userfaultfd: ") + kNoUserfaultOnHardware);
  } else if (device.platform == "kvm") {
    run.refusals.push_back(
        "userfaultfd: KVM takes a vCPU's faults in the kernel, and this fault handler serves user "
        "mode alone");
  } else {
    try {
      measure("userfaultfd", [&](double hold_ns) { return session.hold_by_userfault(hold_ns); });
    } catch (const CannotPerform& obstacle) {
      run.refusals.push_back(std::string("userfaultfd: ") + obstacle.what());
    }
  }
  session.verify();
  return run;
}

}  // namespace notifier
