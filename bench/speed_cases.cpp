// SPDX-License-Identifier: MIT
#include "bench/speed_cases.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>

#include "bench/speed_wake.hpp"
#include "softgpu/core/clock.hpp"

namespace notifier {
namespace {

using analysis::Metric;

constexpr std::size_t kPage = 4096;
constexpr std::array<std::uint32_t, 4> kWaves{1, 4, 16, kMostSpeedWaves};
constexpr std::array<std::size_t, 7> kSizes{4 << 10,   64 << 10, 1 << 20,   16 << 20,
                                            256 << 20, 1 << 30,  8ull << 30};
constexpr std::array<std::size_t, 6> kRanges{1, 10, 100, 1000, 10'000, 100'000};
// The restore worker is asleep again.
constexpr std::int64_t kSettledNs = 200'000;
constexpr std::array<std::uint64_t, 2> kJobs{1'000'000, 5'000'000};

template <std::uint64_t AccessTicks::*kTicks>
SpeedResult measure_access(const SpeedRequest& /*request*/) {
  const RegisteredMemory memory(kPage);
  const auto accesses = static_cast<double>(kSweepsPerTime * kAccessWords);
  const auto ticks = static_cast<double>(time_accesses(memory).*kTicks);
  return {.events = {}, .value = ticks * softgpu::kNsPerDeviceTick / accesses};
}

SpeedResult measure_parking(const SpeedRequest& request) {
  const RegisteredMemory memory(kPage);
  const RunningWaves waves(memory, 1);
  return {.events = time_parking(waves, request.budget), .value = {}};
}

SpeedResult measure_signal_stop(const SpeedRequest& request) {
  return {.events = time_signal_stop(request.budget), .value = {}};
}

SpeedResult measure_bare(const SpeedRequest& request) {
  return {.events = request.bare.measure(request.budget.events), .value = {}};
}

SpeedResult measure_notified(const SpeedRequest& request) {
  const SpeedCase& wanted = request.wanted;
  const RegisteredMemory memory(wanted.size_bytes, wanted.ranges);
  const RunningWaves waves(memory, wanted.waves);
  char* last_page = memory.host() + wanted.size_bytes - kPage;
  return {.events = time_notified(last_page, waves, wanted.settled_ns, request.budget),
          .value = {}};
}

SpeedResult measure_jobs(const SpeedRequest& request) {
  const RegisteredMemory memory(kPage);
  return {.events = time_job_waits(memory, request.wanted.job_ns, request.seed, request.budget),
          .value = {}};
}

SpeedResult measure_wakes(const SpeedRequest& request) {
  return {.events = time_wakes(request.wanted.job_ns, request.seed, request.budget), .value = {}};
}

SpeedCase reference_case(std::string name, Metric metric,
                         SpeedResult (*measure)(const SpeedRequest&)) {
  SpeedCase made{.name = std::move(name),
                 .reference = {},
                 .wake_reference = {},
                 .most_ratio = {},
                 .metric = metric,
                 .measure = measure};
  return made;
}

SpeedCase compared_case(SpeedCase made, const SpeedCase& reference,
                        std::optional<double> most_ratio = {}) {
  made.reference = reference.name;
  made.most_ratio = most_ratio;
  return made;
}

SpeedCase notified_case(const std::string& name) {
  return reference_case("notified/" + name, Metric::kSyscall, measure_notified);
}

std::string size_name(std::size_t size_bytes) {
  const std::size_t kib = size_bytes >> 10;
  if (kib >= 1 << 20) return fmt::format("{}GiB", kib >> 20);
  return kib >= 1 << 10 ? fmt::format("{}MiB", kib >> 10) : fmt::format("{}KiB", kib);
}

std::string length_name(std::uint64_t job_ns) { return fmt::format("{}ms", job_ns / 1'000'000); }

std::string job_name(std::uint64_t job_ns) {
  return job_ns == 0 ? "small" : "job_" + length_name(job_ns);
}

/// Each of `steps` is compared with the first.
template <typename Steps, typename Make>
void add_growth(std::vector<SpeedCase>& cases, const Steps& steps, std::optional<double> most_ratio,
                Make make) {
  const std::size_t first = cases.size();
  for (const auto& step : steps) {
    SpeedCase made = make(step);
    cases.push_back(cases.size() == first ? made : compared_case(made, cases[first], most_ratio));
  }
}

void add_pairs(std::vector<SpeedCase>& cases) {
  cases.push_back(
      reference_case("access/plain", Metric::kIteration, measure_access<&AccessTicks::plain>));
  cases.push_back(compared_case(
      reference_case("access/device", Metric::kIteration, measure_access<&AccessTicks::device>),
      cases.back(), 2));
  cases.push_back(reference_case("access_read_back/plain", Metric::kIteration,
                                 measure_access<&AccessTicks::plain_read_back>));
  cases.push_back(compared_case(reference_case("access_read_back/device", Metric::kIteration,
                                               measure_access<&AccessTicks::device_read_back>),
                                cases.back(), 2));
  cases.push_back(reference_case("stop/signal", Metric::kPreempt, measure_signal_stop));
  cases.push_back(compared_case(reference_case("stop/park", Metric::kPreempt, measure_parking),
                                cases.back(), 0.1));
  cases.push_back(reference_case("notified/bare", Metric::kSyscall, measure_bare));
  const SpeedCase bare = cases.back();
  cases.push_back(compared_case(notified_case("madvise"), bare, 3));
  SpeedCase settled = compared_case(notified_case("settled"), bare);
  settled.settled_ns = kSettledNs;
  cases.push_back(settled);
}

std::int64_t available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    if (line.starts_with("MemAvailable:")) return std::stoll(line.substr(13)) * 1024;
  }
  return 0;
}

bool is_notified(const SpeedCase& wanted) {
  return wanted.measure == measure_notified || wanted.waits_for_jobs;
}

}  // namespace

std::vector<SpeedCase> speed_cases_of_preemption() {
  std::vector<SpeedCase> cases;
  add_pairs(cases);
  add_growth(cases, kWaves, {}, [](std::uint32_t waves) {
    SpeedCase made = notified_case(fmt::format("waves_{}", waves));
    made.waves = waves;
    return made;
  });
  add_growth(cases, kSizes, {}, [](std::size_t size_bytes) {
    SpeedCase made = notified_case(fmt::format("registered_{}", size_name(size_bytes)));
    made.size_bytes = size_bytes;
    return made;
  });
  add_growth(cases, kRanges, 1.5, [](std::size_t ranges) {
    SpeedCase made = notified_case(fmt::format("ranges_{}", ranges));
    made.ranges = ranges;
    return made;
  });
  return cases;
}

std::vector<SpeedCase> speed_cases_of_jobs() {
  std::vector<SpeedCase> cases{
      reference_case("wait_for_jobs/no_job", Metric::kSyscall, measure_jobs)};
  for (const std::uint64_t job_ns : kJobs) {
    SpeedCase wake = reference_case("wait_for_jobs/wake_" + length_name(job_ns), Metric::kSyscall,
                                    measure_wakes);
    SpeedCase made = compared_case(
        reference_case("wait_for_jobs/" + job_name(job_ns), Metric::kSyscall, measure_jobs),
        cases.front());
    made.wake_reference = wake.name;
    wake.job_ns = made.job_ns = job_ns;
    cases.push_back(wake);
    cases.push_back(made);
  }
  for (SpeedCase& made : cases) made.waits_for_jobs = made.measure == measure_jobs;
  return cases;
}

std::string speed_obstacle(const SpeedCase& wanted) {
  const auto needed = static_cast<std::int64_t>(wanted.size_bytes * wanted.ranges);
  const std::int64_t available = available_bytes();
  // Half, for others are here too; and the first gibibyte of anything is not worth a look.
  return needed < (1ll << 30) || needed <= available / 2
             ? ""
             : fmt::format("{} MiB would be more than half of the {} MiB that are available",
                           needed >> 20, available >> 20);
}

analysis::SummaryRow describe(const SpeedCase& wanted) {
  analysis::SummaryRow row;
  row.case_name = wanted.name;
  row.case_version = kSpeedCaseVersion;
  const bool on_device = is_notified(wanted);
  row.memory = on_device ? "userptr" : "";
  row.backing = "anon";
  const bool changes_memory = on_device || wanted.measure == measure_bare;
  row.perturbation = changes_memory ? "dontneed" : "none";
  row.policy = "default";
  row.recovery = wanted.waits_for_jobs ? "wait_for_jobs" : on_device ? "preempt" : "none";
  row.context = job_name(wanted.waits_for_jobs ? wanted.job_ns : 0);
  row.touch = "keeps";
  row.size_bytes = static_cast<std::int64_t>(wanted.size_bytes * wanted.ranges);
  row.perturbed_bytes = changes_memory ? kPage : 0;
  row.waves = wanted.waves;
  row.lanes_per_wave = 1;
  return row;
}

}  // namespace notifier
