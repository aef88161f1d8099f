// SPDX-License-Identifier: MIT
// What can stop or reset a real GPU is opt-in there: refused by name before any device is opened.
#include <gmock/gmock.h>

#include "harness/case_run.hpp"
#include "harness/perturbation.hpp"
#include "harness/worker_protocol.hpp"

namespace notifier {
namespace {

using testing::HasSubstr;

TEST(Hazards, EachIsSparedWithItsReasonBeforeMemoryIsRegistered) {
  int hazards = 0;
  for (const Perturbation& row : perturbations()) {
    CaseRequest request;
    request.wanted.perturbation = std::string(row.name);
    request.wanted.size_bytes = 4 << 20;
    request.spare_hazards = true;
    const TouchRule rule = touch_rule(request.wanted, row, usual_path(request.wanted.memory));
    if (row.hazard.empty() || !can_run(rule, row)) continue;
    ++hazards;
    std::string phases;
    CaseObserver observer;
    observer.phase = [&](const std::string& phase, std::int64_t) { phases += phase; };
    const CaseResult result = run_case(request, nullptr, DeviceInfo{}, observer);
    EXPECT_EQ(result.identity.status, analysis::Status::kSkipped) << row.name;
    EXPECT_THAT(result.identity.reason, HasSubstr("--hazardous")) << row.name;
    EXPECT_THAT(result.identity.reason, HasSubstr(std::string(row.hazard))) << row.name;
    EXPECT_EQ(phases, "") << row.name;
  }
  EXPECT_GE(hazards, 5);
}

}  // namespace
}  // namespace notifier
