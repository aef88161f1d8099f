// SPDX-License-Identifier: MIT
#include "harness/case_session.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "analysis/flags.hpp"
#include "harness/backing.hpp"
#include "harness/driver_event_pairing.hpp"
#include "harness/kernel_context.hpp"
#include "harness/kfd_counters.hpp"
#include "harness/perturbation_proofs.hpp"
#include "harness/sample_analysis.hpp"
#include "harness/vmstat.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kSettlingPasses = 2;
constexpr std::int64_t kCalibrationNs = 50'000'000;
// A gap is an interval this many times as long as the unperturbed iteration ...
constexpr double kGapIterations = 20;
// ... and at least this long: shorter ones are cache misses and interrupts.
constexpr double kShortestGapNs = 2'000;
constexpr std::chrono::milliseconds kQuietLimit{5'000};

std::uint64_t minor_faults_of_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

void wait_a_little() {
  const timespec pause{0, 50'000};
  nanosleep(&pause, nullptr);
}

}  // namespace

struct CaseSession::Window {
  std::uint64_t driver_cursor = 0;
  std::uint64_t lost_lines_before = 0;
  std::uint64_t minor_faults_before = 0;
  std::optional<double> kfd_evicted_before_ns;
  std::vector<WaveProgress> before;
  EventObservation observation;
};

CaseSession::CaseSession(const CaseRequest& request, DriverEventListener* driver_events,
                         std::uint32_t node_id)
    : request_(request),
      driver_events_(driver_events),
      clock_reader_(node_id),
      board_(ChildBoard::create()) {
  if (driver_events_ != nullptr) driver_cursor_ = driver_events_->cursor();
  if (!request.kernel_trace.empty()) kernel_trace_.emplace(request.kernel_trace);
  const std::int64_t before_ns = monotonic_raw_ns();
  buffer_ = allocate_buffer(request.wanted);
  findings_.register_ns = static_cast<double>(monotonic_raw_ns() - before_ns);
}

CaseSession::~CaseSession() {
  userfault_.reset();  // a wave that waited for it would never end
  try {
    stop_bystanders();  // nothing can be freed beside their kernels
  } catch (const std::exception& error) {
    fmt::print(stderr, "stopping a bystander: {}\n", error.what());
  }
  workload_.reset();  // before the buffer that its kernel uses
  munmap(board_, sizeof(ChildBoard));
}

void CaseSession::start(const Perturbation& row) {
  moved_by_kernel_at_start_ = pages_moved_by_kernel();
  touch_ = touch_rule(request_.wanted, row, buffer_->path()).touch;
  // Huge pages are gone after the first copy on write.
  leaves_ = touch_ == Touch::kLeavesFirst && row.scope == Scope::kRange;
  rebuilds_ = row.rebuilds || leaves_ || is_made_of_huge_pages(request_.wanted.backing);
  clocks_.add(clock_reader_.read());
  wait_a_little();
  clocks_.add(clock_reader_.read());
  if (const auto rate = clocks_.gpu.rate()) tick_ns_ = 1e9 / rate->units_per_second;

  WorkloadOptions options;
  options.grid = request_.grid;
  options.identity.seed = request_.seed;
  options.patience = request_.patience;
  // The kernel outlives neither the time limit nor a dead worker by more than this.
  const double deadline_ns =
      1e6 * static_cast<double>((request_.time_limit + 3 * request_.patience).count());
  options.deadline_ticks = static_cast<std::uint64_t>(deadline_ns / tick_ns_);
  options.full_context = request_.wanted.context == Context::kFull;
  options.job_ticks =
      static_cast<std::uint64_t>(static_cast<double>(job_ns(request_.wanted.context)) / tick_ns_);
  options.gap_threshold_ticks = static_cast<std::uint64_t>(kShortestGapNs / tick_ns_);
  findings_.context_bytes =
      static_cast<double>(context_bytes(request_.wanted.context, request_.grid));
  workload_ = std::make_unique<WorkloadDriver>(*buffer_, options);
  // All of it, also where the waves leave first: one page without memory leaves the whole userptr
  // BO without pages (kfd_facts §1 "-EFAULT counts as success").
  slice_ = {0, workload_->size_words()};
  if (bystanders_) bystanders_->launch();
  workload_->launch();
  // A reset inside a buffer whose first records are still the host's would not be told apart.
  workload_->wait_passes(rebuilds_ ? kFullCheckPasses : kSettlingPasses);
  const std::uint64_t allowed = allowed_outcomes(row, request_.wanted.backing);
  if (allowed != kAllowNothing) workload_->allow(slice_, allowed);
}

void CaseSession::calibrate() {
  clocks_.add(clock_reader_.read());
  if (const auto rate = clocks_.gpu.rate()) tick_ns_ = 1e9 / rate->units_per_second;
  const std::vector<WaveProgress> before = workload_->all_progress();
  const std::int64_t start_ns = monotonic_raw_ns();
  while (monotonic_raw_ns() - start_ns < kCalibrationNs) wait_a_little();
  workload_->wait_passes(0);
  const std::vector<WaveProgress> after = workload_->all_progress();
  double slowest_ticks = 0;
  for (std::size_t wave = 0; wave < before.size(); ++wave) {
    const double ticks =
        static_cast<double>(after[wave].last_clock_ticks - before[wave].last_clock_ticks);
    const double iterations = static_cast<double>(after[wave].iterations - before[wave].iterations);
    if (iterations > 0) slowest_ticks = std::max(slowest_ticks, ticks / iterations);
  }
  if (slowest_ticks == 0) throw WorkloadStuck("no wave made progress during the calibration");
  iteration_ticks_ = slowest_ticks;
  findings_.iteration_ns = slowest_ticks * tick_ns_;
  const double threshold_ns = std::max(kShortestGapNs, kGapIterations * findings_.iteration_ns);
  workload_->command([&](Command& shared) {
    store(shared.gap_threshold_ticks, request_.without == Observation::kGapRing
                                          ? ~std::uint64_t{0}
                                          : static_cast<std::uint64_t>(threshold_ns / tick_ns_));
  });
}

std::uint64_t CaseSession::most_passes() const {
  std::uint64_t most = 0;
  for (const WaveProgress& progress : workload_->all_progress()) {
    most = std::max(most, progress.passes);
  }
  return most;
}

void CaseSession::check_backing(analysis::SampleRow& sample) const {
  if (!buffer_->backing_mismatch().empty()) analysis::add_flag(sample.flags, "backing_mismatch");
}

void CaseSession::prepare(const Perturbation& row, EventContext& event) {
  event.slice =
      buffer_->host() == nullptr ? nullptr : buffer_->host() + slice_.begin * sizeof(std::uint64_t);
  event.slice_bytes = perturbed_bytes();
  event.slice_begin_word = slice_.begin;
  event.seed = request_.seed;
  event.owner = RecordIdentity{}.owner;
  event.buffer = buffer_.get();
  const bool checked = request_.without != Observation::kIntegrity;
  event.child_view = checked ? buffer_->child_view() : ChildView::kNothing;
  event.board = board_;
  board_->clear();
  if (leaves_ && row.scope == Scope::kRange) workload_->exclude(slice_);
  if (row.prepare != nullptr) row.prepare(event);
}

void CaseSession::open_window(Window& window) {
  // An unchanged command makes every wave forget its longest gap.
  workload_->command([](Command&) {});
  clocks_.add(clock_reader_.read());
  if (driver_events_ != nullptr) {
    driver_events_->drain_now();
    window.driver_cursor = driver_events_->cursor();
    window.lost_lines_before = driver_events_->counts().lines.malformed;
  }
  if (kernel_trace_) kernel_trace_->read();  // what came before the window
  window.kfd_evicted_before_ns = kfd_evicted_ns(SystemView(), getpid());
  window.before = workload_->all_progress();
  window.minor_faults_before = minor_faults_of_process();
}

bool CaseSession::wait_until_quiet(std::uint64_t cursor) {
  const auto limit = std::chrono::steady_clock::now() + kQuietLimit;
  while (true) {
    const DriverActivity seen = activity_since(cursor);
    if (!seen.paired && std::chrono::steady_clock::now() < limit) {
      wait_a_little();
      continue;
    }
    workload_->wait_passes(1);
    if (activity_since(cursor).events == seen.events) return seen.paired;
    if (std::chrono::steady_clock::now() > limit) return false;
  }
}

CaseSession::DriverActivity CaseSession::activity_since(std::uint64_t cursor) {
  DriverActivity activity;
  if (driver_events_ == nullptr) return activity;
  driver_events_->drain_now();
  const std::vector<DriverEvent> events = driver_events_->events_since(cursor).events;
  const EvictionPairing pairing = pair_evictions(events);
  activity.paired = pairing.complete();
  const auto reports = static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(),
      [](const DriverEvent& event) { return event.kind == DriverEventKind::kStopReport; }));
  reports_stops_ = reports_stops_ || reports > 0;
  if (reports_stops_ && reports < pairing.pairs.size()) activity.paired = false;
  for (const DriverEvent& event : events) {
    // A wave that lost its CPU says nothing about the driver; on a busy machine that never ends.
    if (event.kind != DriverEventKind::kLostCpu) ++activity.events;
  }
  return activity;
}

void CaseSession::close_window(Window& window) {
  clocks_.add(clock_reader_.read());
  EventObservation& observation = window.observation;
  observation.minor_faults =
      static_cast<double>(minor_faults_of_process() - window.minor_faults_before);
  for (std::uint32_t wave = 0; wave < request_.grid.waves; ++wave) {
    WaveWindow waves{window.before[wave], workload_->progress(wave), {}};
    waves.gaps = workload_->gaps(wave, waves.before.gaps_recorded, waves.after.gaps_recorded);
    observation.waves.push_back(std::move(waves));
  }
  if (driver_events_ != nullptr) {
    observation.driver_events = driver_events_->events_since(window.driver_cursor).events;
    observation.lost_driver_events =
        driver_events_->counts().lines.malformed - window.lost_lines_before;
  }
  const std::optional<double> evicted_ns = kfd_evicted_ns(SystemView(), getpid());
  if (evicted_ns && window.kfd_evicted_before_ns) {
    observation.kfd_evicted_ns = *evicted_ns - *window.kfd_evicted_before_ns;
  }
  if (kernel_trace_) {
    KernelTraceReader::Window calls = kernel_trace_->read();
    observation.kernel_spans = std::move(calls.spans);
    observation.lost_kernel_events = calls.lost;
  }
  observation.clocks = &clocks_;
  observation.iteration_ticks = iteration_ticks_;
  observation.tick_ns = tick_ns_;
}

analysis::SampleRow CaseSession::measure(const Perturbation& row) {
  analysis::SampleRow sample;
  EventContext event;
  check_backing(sample);
  const std::uint64_t cursor = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  prepare(row, event);
  // What brought the memory there is no part of the event.
  if (row.migration || row.waits_for_work) wait_until_quiet(cursor);
  prepare_proof(row, event);
  Window window;
  const auto before = workload_->device_findings();
  if (bystanders_) bystanders_->open();
  open_window(window);
  row.perform(event);
  begun_.push_back({event.enter_ns, row.name});
  event.passes_at_return = most_passes();
  if (!wait_until_quiet(window.driver_cursor)) analysis::add_flag(sample.flags, "not_quiet");
  close_window(window);
  if (bystanders_) bystanders_->close(sample);
  window.observation.enter_ns = event.enter_ns;
  window.observation.leave_ns = event.leave_ns;
  window.observation.involuntary_switches = event.involuntary_switches;
  sample.start_ns = event.enter_ns;
  if (driver_events_ != nullptr) {
    require_migration(row, event, window.observation.driver_events);
  }
  last_.emplace();
  last_->timeline = analyse_event(window.observation, sample);
  if (sample.evictions.value_or(0) > 0) {
    const WaveProgress& wave = window.observation.waves.front().after;
    ++findings_.events_with_eviction;
    if (workload_->job_ended_at(wave.longest_gap_start_ticks)) ++findings_.stops_at_job_end;
  }
  last_->context = {std::string(row.name), request_.recording_start_ns, std::nullopt};
  sample[analysis::Metric::kFirstWrite] = event.first_write_ns;
  std::optional<std::uint64_t> zeros_read;
  if ((allowed_outcomes(row, request_.wanted.backing) & kAllowZero) != 0) {
    zeros_read = workload_->device_findings().allowed_zeros - before.allowed_zeros;
  }
  if (!happened(row, event, zeros_read)) analysis::add_flag(sample.flags, "unproven");
  finish(row, event);
  if (event.child_end_ns != 0) {
    last_->context.child_end_ns = static_cast<double>(event.child_end_ns);
  }
  last_->observation = std::move(window.observation);
  const auto after = workload_->device_findings();
  sample.allowed_zeros = static_cast<std::int64_t>(after.allowed_zeros - before.allowed_zeros);
  return sample;
}

nlohmann::json CaseSession::trace_of_last(std::int64_t number,
                                          const analysis::SampleRow& sample) const {
  analysis::SampleRow numbered = sample;
  numbered.event = number;
  return trace_event(last_->observation, last_->timeline, numbered, last_->context);
}

}  // namespace notifier
