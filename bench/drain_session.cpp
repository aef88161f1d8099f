// SPDX-License-Identifier: MIT
#include "bench/drain_session.hpp"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <chrono>

#include "harness/clock_reader.hpp"
#include "harness/driver_event_pairing.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/vmstat.hpp"

namespace notifier {
namespace {

constexpr std::chrono::milliseconds kPairingLimit{5'000};

void wait_a_little() {
  const timespec pause{0, 50'000};
  nanosleep(&pause, nullptr);
}

}  // namespace

DrainSession::DrainSession(const DrainSessionOptions& options, DriverEventListener* driver_events)
    : options_(options),
      driver_events_(driver_events),
      buffer_(allocate_buffer(options.wanted)),
      board_(ChildBoard::create()),
      random_(options.seed) {}

DrainSession::~DrainSession() { munmap(board_, sizeof(ChildBoard)); }

WorkloadOptions DrainSession::job_options(std::uint64_t allowed_outcomes) const {
  WorkloadOptions job;
  job.grid = options_.grid;
  job.gap_capacity = 1;  // only the longest gap is asked for
  job.gap_threshold_ticks = ~std::uint64_t{0};
  job.deadline_ticks =
      static_cast<std::uint64_t>(static_cast<double>(options_.job_ns) / options_.tick_ns);
  job.allowed_outcomes = allowed_outcomes;
  job.identity.seed = options_.seed;
  return job;
}

void DrainSession::wait_for_random_moment() {
  const double share = std::uniform_real_distribution<double>(0, 1)(random_);
  const std::int64_t until_ns =
      monotonic_raw_ns() + static_cast<std::int64_t>(share * static_cast<double>(options_.job_ns));
  while (monotonic_raw_ns() < until_ns) {
  }
}

bool DrainSession::wait_until_paired(std::uint64_t cursor) {
  if (driver_events_ == nullptr) return true;
  const auto limit = std::chrono::steady_clock::now() + kPairingLimit;
  while (true) {
    driver_events_->drain_now();
    if (pair_evictions(driver_events_->events_since(cursor).events).unpaired_evictions.empty()) {
      return true;
    }
    if (std::chrono::steady_clock::now() > limit) return false;
    wait_a_little();
  }
}

DrainEvent DrainSession::measure(const Perturbation& row, Fence fence) {
  const std::uint64_t began = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  const std::uint64_t moved_before = pages_moved_by_kernel();
  DrainEvent measured;
  EventContext event = whole_buffer_event(*buffer_, *board_, options_.seed);
  auto job = std::make_unique<WorkloadDriver>(
      *buffer_,
      job_options(fence == Fence::kAfterCall ? allowed_outcomes(row, options_.wanted.backing)
                                             : kAllowNothing));
  if (row.prepare != nullptr) row.prepare(event);
  wait_until_paired(began);  // what making the job and the row's preparation have changed
  const std::uint64_t cursor = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  job->launch();
  wait_for_random_moment();
  measured.running_when_asked = !job->ended();
  if (fence == Fence::kBeforeCall) {
    const std::int64_t before_ns = monotonic_raw_ns();
    job->join();
    measured.drain_ns = static_cast<double>(monotonic_raw_ns() - before_ns);
  }
  measured.ended_at_call = job->ended();
  row.perform(event);
  measured.ended_at_return = job->ended();
  for (const WaveProgress& progress : job->all_progress()) {
    event.passes_at_return = std::max(event.passes_at_return, progress.passes);
  }
  measured.enter_ns = event.enter_ns;
  measured.syscall_ns = static_cast<double>(event.leave_ns - event.enter_ns);
  job->join();
  measured.paired = wait_until_paired(cursor);
  if (driver_events_ != nullptr) {
    measured.driver_events = driver_events_->events_since(cursor).events;
  }
  if (fence == Fence::kAfterCall) {
    std::uint64_t longest_ticks = 0;
    for (const WaveProgress& progress : job->all_progress()) {
      longest_ticks = std::max(longest_ticks, progress.longest_gap_ticks);
    }
    measured.stall_ns = static_cast<double>(longest_ticks) * options_.tick_ns;
  }
  if (row.finish != nullptr) row.finish(event);
  if (row.rebuilds || row.leaves_first) make_driver_look_again();
  add_child_findings(board_->findings, row.name, findings_);
  take_jobs_findings(*job);
  job.reset();  // its memory goes before the next event begins
  check_next_job();
  wait_until_paired(began);
  take_driver_findings(began);
  // As CaseSession::excuse_moves_by_the_kernel(): moves that the software GPU cannot see.
  std::uint64_t& missed = findings_.violations[ViolationClass::kMissed];
  const std::uint64_t excused = excused_pages(missed, moved_before, event.pages_moved);
  findings_.pages_moved_unseen += excused;
  missed -= excused;
  return measured;
}

/// As CaseSession::rebuild(): the driver took what had moved for a hole (kfd_facts §0.9).
void DrainSession::make_driver_look_again() {
  const std::uint64_t cursor = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  perturbation_calls::throw_if(madvise(buffer_->host(), buffer_->size_bytes(), MADV_DONTNEED) != 0,
                               "madvise(MADV_DONTNEED) to rebuild the memory");
  wait_until_paired(cursor);
}

void DrainSession::take_jobs_findings(const WorkloadDriver& job) {
  const WorkloadDriver::DeviceFindings device = job.device_findings();
  findings_.violations += device.violations;
  findings_.words_checked += device.words_checked;
}

/// The pages may be others now. The application fills them anew, and the next job must read there
/// what the CPU wrote, and the CPU what the job wrote.
void DrainSession::check_next_job() {
  WorkloadDriver next(*buffer_, job_options(kAllowNothing));
  next.launch();
  next.join();
  take_jobs_findings(next);
  findings_.violations += next.scan_from_host(0, 1, {0, 0}, findings_.words_checked).violations;
}

void DrainSession::take_driver_findings(std::uint64_t cursor) {
  if (driver_events_ == nullptr) return;
  driver_events_->drain_now();
  const auto batch = driver_events_->events_since(cursor);
  for (const DriverEvent& event : batch.events) {
    if (event.kind == DriverEventKind::kProtocol) {
      ++findings_.violations[ViolationClass::kProtocol];
      findings_.kept.push_back("protocol: " + std::string(event.raw.view()));
    } else if (event.kind == DriverEventKind::kMissed) {
      findings_.violations[ViolationClass::kMissed] += event.size_pages.value_or(1);
    }
  }
  driver_events_->forget_before(batch.next_cursor);
}

}  // namespace notifier
