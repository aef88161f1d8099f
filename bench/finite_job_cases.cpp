// SPDX-License-Identifier: MIT
#include "bench/finite_job_cases.hpp"

#include <fmt/format.h>

#include "harness/case.hpp"

namespace notifier {
namespace {

constexpr std::uint32_t kShamPeriod = 5;  // one for four, as in every other family

std::string context_of(std::uint64_t job_ns) { return fmt::format("job_{}ms", job_ns / 1'000'000); }

}  // namespace

std::string FiniteJobNames::case_name() const {
  return fmt::format("{}/anon/{}/default/{}/{}/{}", memory, perturbation, recovery,
                     context_of(job_ns), format_size(size_bytes));
}

analysis::SummaryRow FiniteJobNames::row(int case_version) const {
  analysis::SummaryRow row;
  row.case_name = case_name();
  row.case_version = case_version;
  row.memory = memory;
  row.backing = "anon";
  row.perturbation = perturbation;
  row.policy = "default";
  row.recovery = recovery;
  row.context = context_of(job_ns);
  row.size_bytes = static_cast<std::int64_t>(size_bytes);
  return row;
}

void for_each_event(const FiniteJobRun& run, analysis::SummaryRow& row,
                    const std::function<void(std::int64_t number, bool is_sham)>& measure) {
  const auto limit = std::chrono::steady_clock::now() + run.time_limit;
  std::uint32_t done = 0;
  for (std::int64_t number = 0; done < run.events; ++number) {
    const bool is_sham = number % kShamPeriod == kShamPeriod / 2;
    measure(number, is_sham);
    done += is_sham ? 0 : 1;
    if (done == run.events || std::chrono::steady_clock::now() < limit) continue;
    row.reason = fmt::format("stopped after {} of {} events: time limit of {} s", done, run.events,
                             run.time_limit.count() / 1000);
    return;
  }
}

void CaughtJobs::add(bool ran_before, bool ended_at_return) {
  if (ran_before) ++(ended_at_return ? ended : running);
}

std::string_view CaughtJobs::describe(std::string_view all_ended, std::string_view all_running,
                                      std::string_view mixed) const {
  if (ended + running == 0) return "";
  return running == 0 ? all_ended : ended == 0 ? all_running : mixed;
}

}  // namespace notifier
