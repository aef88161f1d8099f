// SPDX-License-Identifier: MIT
#include "harness/case_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "analysis/flags.hpp"
#include "harness/buffer.hpp"
#include "harness/bystanders.hpp"
#include "harness/case_session.hpp"
#include "harness/device.hpp"
#include "harness/fatal_fault.hpp"
#include "harness/perturbation.hpp"
#include "harness/perturbation_proofs.hpp"
#include "harness/plain_session.hpp"
#include "harness/unexpected_evictions.hpp"
#include "harness/worker_protocol.hpp"

namespace notifier {
namespace {

// Each fifth event is a sham: one for four, so that every run has its own false-stall floor.
constexpr std::uint32_t kShamPeriod = 5;
constexpr std::uint32_t kShamPhase = 2;
constexpr std::size_t kViolationsKept = 16;
const std::string kFatalPrefix = "fatal (--hazardous measures it in a worker of its own): ";

std::int64_t count(std::uint64_t value) { return static_cast<std::int64_t>(value); }

CaseResult skipped(CaseResult result, std::string reason) {
  result.identity.status = analysis::Status::kSkipped;
  result.identity.reason = std::move(reason);
  return result;
}

/// Why this case may not run on this machine as it is; empty when it may.
std::string refusal(const CaseRequest& request, const Perturbation& row, MemoryPath path,
                    analysis::SummaryRow& identity) {
  const TouchRule rule = touch_rule(request.wanted, row, path);
  identity.touch = to_string(rule.touch);
  identity.memory_path = to_string(path);
  if (rule.touch == Touch::kNotApplicable) return rule.reason;
  if (!can_run(rule, row) && !request.sacrifice) return kFatalPrefix + rule.reason;
  if (std::string obstacle = recovery_obstacle(request.wanted.recovery); !obstacle.empty()) {
    return obstacle;
  }
  if (!row.hazard.empty() && request.spare_hazards) {
    return fmt::format("hazardous on a real GPU (--hazardous runs it): {}", row.hazard);
  }
  if (request.grid.waves == 0) return "the runtime does not say how many waves fit on the device";
  const std::uint64_t lines = request.wanted.size_bytes / (kWordsPerLine * sizeof(std::uint64_t));
  if (lines < std::uint64_t{request.grid.waves} * request.grid.lanes_per_wave) {
    return fmt::format("{} lines of 64 bytes are fewer than {} lanes", lines,
                       request.grid.waves * request.grid.lanes_per_wave);
  }
  const auto free_bytes = static_cast<std::uint64_t>(sysconf(_SC_AVPHYS_PAGES)) *
                          static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  // A fork with a copy on write doubles the memory; what the rest of the machine needs stays free.
  if (request.wanted.memory != Memory::kVram && request.wanted.size_bytes > free_bytes / 4) {
    return fmt::format("needs {} and as much again for a child's copy; {} MiB are free",
                       format_size(request.wanted.size_bytes), free_bytes >> 20);
  }
  return "";
}

/// The driver's events do not tell a stop that waited for a job from one that interrupted it; the
/// device's clock does. A wave that loses its CPU looks like an interruption, hence: most events.
std::string_view recovery_observed(const CaseFindings& findings) {
  const bool waited = 2 * findings.stops_at_job_end > findings.events_with_eviction;
  return waited ? to_string(Recovery::kWaitForJobs) : findings.driver.recovery_observed();
}

/// Keeps the event's trace if it belongs to the worst so far, or if all are wanted.
void keep_trace(const CaseRequest& request, const CaseSession& session,
                const analysis::SampleRow& sample, std::vector<nlohmann::json>& traces) {
  const double stall_ns = sample[analysis::Metric::kStall].value_or(0);
  if (request.trace_all) {
    if (traces.size() < kMostTraced) traces.push_back(session.trace_of_last(sample.event, sample));
    return;
  }
  const auto place = std::find_if(traces.begin(), traces.end(), [&](const nlohmann::json& other) {
    return other.at("stall_ns").get<double>() < stall_ns;
  });
  if (place == traces.end() && traces.size() >= kWorstTraced) return;
  traces.insert(place, session.trace_of_last(sample.event, sample));
  if (traces.size() > kWorstTraced) traces.pop_back();
}

using Measure = std::function<analysis::SampleRow(const Perturbation&)>;
using Keep = std::function<void(const analysis::SampleRow&)>;

/// The loop: sample until there are enough events, shams in between, or the time is up. `keep` sees
/// each sample before the next is measured.
void sample_events(const CaseRequest& request, const Perturbation& row, const Measure& measure,
                   const Keep& keep, const CaseObserver& observer, CaseResult& result) {
  const Perturbation& sham = *find_perturbation("sham");
  const auto limit = std::chrono::steady_clock::now() + request.time_limit;
  std::int64_t number = 0;
  bool shown = false;
  while (result.events_done < request.events) {
    const bool is_sham = number % kShamPeriod == kShamPhase;
    observer.phase(is_sham ? "sham" : row.name.data(), number);
    analysis::SampleRow sample = measure(is_sham ? sham : row);
    sample.event = number++;
    sample.kind = is_sham ? analysis::EventKind::kSham : analysis::EventKind::kEvent;
    sample.case_name = result.identity.case_name;
    sample.start_ns -= request.recording_start_ns;
    if (!is_sham || request.trace_all) keep(sample);
    if (!is_sham) {
      ++result.events_done;
      shown = shown || !analysis::has_flag(sample.flags, "unproven");
      result.evictions_observed += sample.evictions.value_or(0);
    }
    observer.sample(sample);
    if (std::chrono::steady_clock::now() > limit) {
      result.identity.reason =
          fmt::format("stopped after {} of {} events: time limit of {} s", result.events_done,
                      request.events, request.time_limit.count() / 1000);
      break;
    }
  }
  if (result.events_done > 0 && !shown) {
    throw CannotPerform("no event shows that its operation happened; it should be seen by: " +
                        describe_proof(row));
  }
}

/// What the findings say, wherever they come from.
void put_all_findings(const CaseFindings& findings, CaseResult& result) {
  put_findings(findings, result.identity);
  for (const std::string& description : findings.kept) {
    if (result.violations.size() < kViolationsKept) result.violations.push_back(description);
  }
}

CaseResult run_plain_case(const CaseRequest& request, const Perturbation& row,
                          const CaseObserver& observer, CaseResult result) {
  PlainSession session(request);
  result.identity.perturbed_bytes = count(request.wanted.size_bytes);
  if (row.scope == Scope::kProcess) {
    result.identity.outcome = "child_" + std::string(to_string(session.buffer().child_view()));
  }
  try {
    sample_events(
        request, row, [&](const Perturbation& one) { return session.measure(one); },
        [](const analysis::SampleRow&) {}, observer, result);
  } catch (const CannotPerform& obstacle) {
    return skipped(std::move(result), obstacle.what());
  }
  put_all_findings(session.findings(), result);
  if (session.bystanders() != nullptr) result.bystanders = session.bystanders()->descriptions();
  result.run_values = {{analysis::Metric::kRegister, session.findings().register_ns}};
  return result;
}

/// The one event of a worker that is given for it. The session is never ended: its kernel is
/// stopped for good, and whoever waited for it would wait for ever.
void run_fatal_event(const Perturbation& row, std::unique_ptr<CaseSession> session,
                     const CaseObserver& observer, CaseResult& result) {
  observer.phase(row.name.data(), 0);
  FatalFaultWatch& watch = FatalFaultWatch::instance();
  analysis::SampleRow sample = session->measure_fatal(row, watch);
  sample.case_name = result.identity.case_name;
  result.identity.outcome = watch.seen() ? "fault" : "no_fault";
  result.events_done = 1;
  observer.sample(sample);
  [[maybe_unused]] const CaseSession* kept = session.release();
}

/// Who else is to be watched. Before a kernel runs, since nothing can be allocated beside one.
void accompany(const CaseRequest& request, const Perturbation& row, const DeviceInfo& device,
               CaseSession& session, CaseResult& result) {
  if (request.bystanders.empty() || request.sacrifice || row.ends_process) return;
  session.accompany(std::make_unique<Bystanders>(request, &device));
  result.bystanders = session.bystanders()->descriptions();
}

void measure_case(const CaseRequest& request, const Perturbation& row, CaseSession& session,
                  const CaseObserver& observer, CaseResult& result) {
  const Reach reach{session.buffer().path(), request.wanted.recovery,
                    session.buffer().child_view() == ChildView::kCopy};
  const ExpectedEvictions expected = expected_evictions(row, reach);
  result.evictions_expected = expected.least;
  observer.phase("calibrate", -1);
  session.calibrate();
  if (row.ends_process) {
    observer.phase(kEndingPhase, 0);
    EventContext event;
    row.perform(event);
  }
  CaseObserver watching = observer;
  watching.sample = [&](const analysis::SampleRow& sample) {
    flag_unexpected_evictions(sample, expected.most, result.identity);
    observer.sample(sample);
  };
  sample_events(
      request, row, [&](const Perturbation& one) { return session.measure(one); },
      [&](const analysis::SampleRow& sample) {
        keep_trace(request, session, sample, result.traces);
      },
      watching, result);
}

/// What the whole session has found.
void put_session(const CaseSession& session, CaseResult& result) {
  const CaseFindings findings = session.findings();
  put_all_findings(findings, result);
  result.violations_at_end = count(findings.violations_at_end);
  result.identity.pages_moved_unseen = count(findings.pages_moved_unseen);
  result.identity.perturbed_bytes = count(session.perturbed_bytes());
  put_driver_actions(findings.driver, result.identity.recovery, result.identity);
  result.identity.recovery_observed = recovery_observed(findings);
  result.identity.clock_residual_ns = findings.clock_residual_ns;
  result.run_values = {{analysis::Metric::kIteration, findings.iteration_ns},
                       {analysis::Metric::kRegister, findings.register_ns},
                       {analysis::Metric::kContextBytes, findings.context_bytes}};
}

}  // namespace

analysis::SummaryRow describe_case(const CaseRequest& request) {
  analysis::SummaryRow row;
  const Case& wanted = request.wanted;
  row.case_name = wanted.name();
  row.case_version = kCaseVersion;
  row.memory = to_string(wanted.memory);
  row.backing = to_string(wanted.backing);
  row.perturbation = wanted.perturbation;
  row.policy = to_string(wanted.policy);
  row.recovery = to_string(wanted.recovery);
  row.context = to_string(wanted.context);
  row.size_bytes = count(wanted.size_bytes);
  row.waves = request.grid.waves;
  row.lanes_per_wave = request.grid.lanes_per_wave;
  row.seed = count(request.seed);
  return row;
}

CaseResult run_case(const CaseRequest& request, DriverEventListener* driver_events,
                    const DeviceInfo& device, const CaseObserver& observer) {
  CaseResult result;
  result.identity = describe_case(request);
  const Perturbation* row = find_perturbation(request.wanted.perturbation);
  if (row == nullptr) throw std::invalid_argument("no perturbation " + request.wanted.perturbation);

  std::string reason = refusal(request, *row, usual_path(request.wanted.memory), result.identity);
  if (!reason.empty()) return skipped(std::move(result), std::move(reason));

  observer.phase("allocate", -1);
  if (request.wanted.memory == Memory::kPlain) {
    return run_plain_case(request, *row, observer, std::move(result));
  }
  std::unique_ptr<CaseSession> session;
  try {
    session = std::make_unique<CaseSession>(request, driver_events, device.node_id);
  } catch (const CannotPerform& obstacle) {
    return skipped(std::move(result), obstacle.what());
  }
  // The path is only known now: newer runtimes register what older ones make a userptr BO.
  reason = refusal(request, *row, session->buffer().path(), result.identity);
  if (!reason.empty()) return skipped(std::move(result), std::move(reason));
  if (row->scope == Scope::kProcess) {
    result.identity.outcome = "child_" + std::string(to_string(session->buffer().child_view()));
  }
  observer.phase("warm up", -1);
  accompany(request, *row, device, *session, result);
  session->start(*row);
  if (request.sacrifice) {
    run_fatal_event(*row, std::move(session), observer, result);
    return result;
  }
  try {
    measure_case(request, *row, *session, observer, result);
  } catch (const CannotPerform& obstacle) {
    return skipped(std::move(result), obstacle.what());
  }
  if (!request.plant.empty()) session->plant(request.plant);
  observer.phase("verify", -1);
  session->verify();
  put_session(*session, result);
  return result;
}

}  // namespace notifier
