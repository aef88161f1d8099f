// SPDX-License-Identifier: MIT
#include "bench/fence_rows.hpp"

#include <fmt/format.h>

#include "harness/case_findings.hpp"

namespace notifier {
namespace {

using analysis::Metric;

std::string_view call_of(const FencePoint& point) {
  return point.invalidated == Invalidated::kNeither ? "sham" : "dontneed";
}

std::string context_of(const FencePoint& point) {
  return fmt::format("chain_{}ms_{}", point.job_ms, to_string(point.invalidated));
}

/// Where the chain was when the call returned.
std::string_view outcome_of(const FencePoint& point) {
  if (point.call_ns.empty()) return "";
  if (point.ended_at_return == 0) return "chain_running";
  return point.ended_at_return == point.call_ns.size() ? "chain_ended" : "mixed";
}

}  // namespace

std::string fence_case_name(const FencePoint& point) {
  return fmt::format("managed/anon/{}/default/{}/{}/{}", call_of(point), to_string(point.recovery),
                     context_of(point), format_size(point.size_bytes));
}

FenceRows fence_rows(const FencePoint& point, std::uint32_t run, std::uint64_t seed,
                     std::int64_t recording_start_ns) {
  FenceRows made;
  analysis::SummaryRow& row = made.identity;
  row.case_name = fence_case_name(point);
  row.case_version = 1;
  row.memory = "managed";
  row.memory_path = to_string(MemoryPath::kSvmRange);
  row.backing = "anon";
  row.perturbation = call_of(point);
  row.policy = "default";
  row.recovery = to_string(point.recovery);
  row.context = context_of(point);
  row.touch = to_string(Touch::kKeeps);
  row.outcome = outcome_of(point);
  row.size_bytes = static_cast<std::int64_t>(point.size_bytes);
  row.waves = 1;
  row.run = run;
  row.seed = static_cast<std::int64_t>(seed);
  row.reason = point.failed.empty() ? point.skipped : point.failed;
  row.status = !point.failed.empty()    ? analysis::Status::kFailed
               : !point.skipped.empty() ? analysis::Status::kSkipped
                                        : analysis::Status::kOk;
  if (row.status != analysis::Status::kOk) return made;
  CaseFindings findings;
  findings.violations = point.violations;
  findings.words_checked = point.words_checked;
  put_findings(findings, row);
  for (std::size_t event = 0; event < point.call_ns.size(); ++event) {
    analysis::SampleRow& sample = made.samples.emplace_back();
    sample.case_name = row.case_name;
    sample.run = run;
    sample.event = static_cast<std::int64_t>(event);
    sample.kind = analysis::EventKind::kEvent;
    sample.start_ns = point.enter_ns[event] - recording_start_ns;
    sample[Metric::kSyscall] = point.call_ns[event];
  }
  return made;
}

}  // namespace notifier
