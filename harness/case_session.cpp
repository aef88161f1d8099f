// SPDX-License-Identifier: MIT
#include "harness/case_session.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "analysis/flags.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/sample_analysis.hpp"
#include "harness/smaps.hpp"
#include "kernels/record.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kPageWords = 4096 / sizeof(std::uint64_t);
constexpr std::uint64_t kSettlingPasses = 2;
// Nine passes visit every word of the buffer at least once from any moment on.
constexpr std::uint64_t kFullCheckPasses = kWordsPerLine + 1;
constexpr std::int64_t kCalibrationNs = 50'000'000;
// A gap is an interval this many times as long as the unperturbed iteration ...
constexpr double kGapIterations = 20;
// ... and at least this long: shorter ones are cache misses and interrupts.
constexpr double kShortestGapNs = 2'000;
constexpr std::chrono::milliseconds kQuietLimit{5'000};

/// At most this many lines are scanned from the CPU after an event; all of them at the end.
constexpr std::uint64_t kScanLines = 16'384;

void wait_a_little() {
  const timespec pause{0, 50'000};
  nanosleep(&pause, nullptr);
}

}  // namespace

struct CaseSession::Window {
  std::uint64_t driver_cursor = 0;
  std::uint64_t lost_lines_before = 0;
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
  const std::int64_t before_ns = monotonic_raw_ns();
  buffer_ =
      allocate_buffer(request.wanted.memory, request.wanted.policy, request.wanted.size_bytes);
  findings_.register_ns = static_cast<double>(monotonic_raw_ns() - before_ns);
}

CaseSession::~CaseSession() {
  workload_.reset();  // before the buffer that its kernel uses
  munmap(board_, sizeof(ChildBoard));
}

void CaseSession::start(const Perturbation& row) {
  touch_ = touch_rule(request_.wanted, row, buffer_->path()).touch;
  rebuilds_ = row.rebuilds;
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
  options.gap_threshold_ticks = static_cast<std::uint64_t>(kShortestGapNs / tick_ns_);
  workload_ = std::make_unique<WorkloadDriver>(*buffer_, options);
  // All of it, also where the waves leave first: one page without memory leaves the whole userptr
  // BO without pages (kfd_facts §1 "-EFAULT counts as success").
  slice_ = {0, workload_->size_words()};
  workload_->launch();
  // A reset inside a buffer whose first records are still the host's would not be told apart.
  workload_->wait_passes(rebuilds_ ? kFullCheckPasses : kSettlingPasses);
  if (row.allowed_mask != kAllowNothing) workload_->allow(slice_, row.allowed_mask);
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
    shared.gap_threshold_ticks = static_cast<std::uint64_t>(threshold_ns / tick_ns_);
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
  if (buffer_->host() == nullptr) return;
  if (read_backing(buffer_->host(), buffer_->size_bytes()).huge_bytes > 0) {
    analysis::add_flag(sample.flags, "backing_mismatch");
  }
}

void CaseSession::prepare(const Perturbation& row, EventContext& event) {
  event.slice =
      buffer_->host() == nullptr ? nullptr : buffer_->host() + slice_.begin * sizeof(std::uint64_t);
  event.slice_bytes = perturbed_bytes();
  event.slice_begin_word = slice_.begin;
  event.seed = request_.seed;
  event.owner = RecordIdentity{}.owner;
  event.child_sees_memory = event.slice != nullptr && buffer_->inherited_by_fork();
  event.board = board_;
  board_->clear();
  if (touch_ == Touch::kLeavesFirst && row.scope == Scope::kRange) workload_->exclude(slice_);
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
  window.before = workload_->all_progress();
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
  activity.paired = pair_evictions(events).complete();
  for (const DriverEvent& event : events) {
    // A wave that lost its CPU says nothing about the driver; on a busy machine that never ends.
    if (event.kind != DriverEventKind::kLostCpu) ++activity.events;
  }
  return activity;
}

void CaseSession::close_window(Window& window) {
  clocks_.add(clock_reader_.read());
  EventObservation& observation = window.observation;
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
  observation.clocks = &clocks_;
  observation.iteration_ticks = iteration_ticks_;
  observation.tick_ns = tick_ns_;
}

analysis::SampleRow CaseSession::measure(const Perturbation& row) {
  analysis::SampleRow sample;
  EventContext event;
  check_backing(sample);
  prepare(row, event);
  Window window;
  open_window(window);
  row.perform(event);
  event.passes_at_return = most_passes();
  if (!wait_until_quiet(window.driver_cursor)) analysis::add_flag(sample.flags, "not_quiet");
  close_window(window);
  window.observation.enter_ns = event.enter_ns;
  window.observation.leave_ns = event.leave_ns;
  window.observation.involuntary_switches = event.involuntary_switches;
  sample.start_ns = event.enter_ns;
  const auto before = workload_->device_findings();
  analyse_event(window.observation, sample);
  finish(row, event);
  const auto after = workload_->device_findings();
  sample.allowed_zeros = static_cast<std::int64_t>(after.allowed_zeros - before.allowed_zeros);
  return sample;
}

void CaseSession::finish(const Perturbation& row, EventContext& event) {
  if (row.finish != nullptr) row.finish(event);
  const ChildFindings& child = board_->findings;
  findings_.violations[ViolationClass::kTorn] += child.torn;
  findings_.violations[ViolationClass::kForeign] += child.foreign;
  findings_.violations[ViolationClass::kZero] += child.zero;
  findings_.words_checked += child.words_checked;
  if (child.torn + child.foreign + child.zero > 0) {
    findings_.kept.push_back(fmt::format("after {}: {} torn, {} foreign, {} zero words in the copy",
                                         row.name, child.torn, child.foreign, child.zero));
  }
  if (row.rebuilds) rebuild();
  scan_after_event();
  take_driver_findings();
}

void CaseSession::rebuild() {
  workload_->exclude(slice_);
  std::byte* begin = buffer_->host() + slice_.begin * sizeof(std::uint64_t);
  const std::uint64_t cursor = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  // Drops what the event left (huge pages, or a moved mapping that the driver took for a hole) and
  // makes the driver look again: its next restore finds the pages (kfd_facts §0.9).
  perturbation_calls::throw_if(madvise(begin, perturbed_bytes(), MADV_DONTNEED) != 0,
                               "madvise(MADV_DONTNEED) to rebuild the memory");
  wait_until_quiet(cursor);
  workload_->hand_back(slice_);
}

void CaseSession::scan_after_event() {
  const std::uint64_t lines = workload_->size_words() / kWordsPerLine;
  // An odd stride visits other lines of each page from event to event.
  const std::uint64_t stride = std::max<std::uint64_t>(1, lines / kScanLines) | 1;
  findings_.violations +=
      workload_->scan_from_host(scans_++ % stride, stride, {0, 0}, findings_.words_checked);
}

void CaseSession::take_driver_findings() {
  if (driver_events_ == nullptr) return;
  driver_events_->drain_now();
  const auto batch = driver_events_->events_since(driver_cursor_);
  driver_cursor_ = batch.next_cursor;
  for (const DriverEvent& event : batch.events) {
    if (event.kind == DriverEventKind::kQueueEviction) {
      ++findings_.evictions;
      findings_.recovery_observed = "preempt";
    } else if (event.kind == DriverEventKind::kQueueRestore && event.rescheduled) {
      ++findings_.restores_rescheduled;
    } else if (event.kind == DriverEventKind::kPageFaultEnd) {
      findings_.recovery_observed = "retry_fault";
    } else if (event.kind == DriverEventKind::kProtocol) {
      ++findings_.violations[ViolationClass::kProtocol];
      findings_.kept.push_back("protocol: " + std::string(event.raw.view()));
    } else if (event.kind == DriverEventKind::kMissed) {
      findings_.violations[ViolationClass::kMissed] += event.size_pages.value_or(1);
      findings_.kept.push_back("missed: " + std::string(event.raw.view()));
    }
  }
  driver_events_->forget_before(driver_cursor_);
}

double CaseSession::hold_by_pause(double hold_ns) {
  // A wave forgets its longest gap when it acknowledges, and only then pauses.
  workload_->command([&](Command& shared) {
    shared.pause_ticks = static_cast<std::uint64_t>(hold_ns / tick_ns_);
  });
  workload_->wait_passes(1);
  std::uint64_t longest_ticks = 0;
  for (const WaveProgress& progress : workload_->all_progress()) {
    longest_ticks = std::max(longest_ticks, progress.longest_gap_ticks);
  }
  workload_->command([](Command& shared) { shared.pause_ticks = 0; });
  return static_cast<double>(longest_ticks) * tick_ns_;
}

void CaseSession::plant(const std::string& which) {
  // Several words, since the device may be at work on one of them and bury its record unseen.
  constexpr std::uint64_t kPlanted = 16;
  constexpr std::uint32_t kStrangeOwner = 200;
  auto* words = reinterpret_cast<std::uint64_t*>(buffer_->host());
  const std::uint64_t first = workload_->size_words() / 2 / kPageWords * kPageWords;
  const RecordIdentity identity = workload_->options().identity;
  const auto put = [&](auto make) {
    for (std::uint64_t word = first; word < first + kPlanted; ++word) {
      const std::uint64_t found = __atomic_load_n(&words[word], __ATOMIC_RELAXED);
      __atomic_store_n(&words[word], make(word, found), __ATOMIC_RELAXED);
    }
  };
  const auto older = [&](std::uint64_t word, std::uint64_t found) {
    return make_record(identity.owner, word, record_epoch(found) - 2 * kWordsPerLine,
                       identity.seed);
  };
  workload_->wait_passes(2 * kFullCheckPasses);
  if (which == "zero") {
    put([](std::uint64_t, std::uint64_t) { return std::uint64_t{0}; });
  } else if (which == "torn") {
    put([](std::uint64_t, std::uint64_t found) { return found ^ 0xFFFF; });
  } else if (which == "foreign") {
    put([&](std::uint64_t word, std::uint64_t found) {
      return make_record(kStrangeOwner, word, record_epoch(found), identity.seed);
    });
  } else if (which == "lost") {
    put(older);
  } else if (which == "stale") {
    const WordRange page{first, first + kPageWords};
    workload_->exclude(page);
    workload_->hand_back(page, [&] { put(older); });
  } else {
    throw std::invalid_argument("the CPU cannot plant a violation of class " + which);
  }
  workload_->wait_passes(kFullCheckPasses);
}

void CaseSession::verify() {
  // The words that an allowed event emptied are written again within nine passes; after that no
  // exception is left.
  workload_->wait_passes(kFullCheckPasses);
  workload_->allow({0, 0}, kAllowNothing);
  workload_->wait_passes(kFullCheckPasses);
  findings_.violations += workload_->scan_from_host(0, 1, {0, 0}, findings_.words_checked);
  workload_->stop();
  take_driver_findings();
  const WorkloadDriver::DeviceFindings device = workload_->device_findings();
  findings_.violations += device.violations;
  findings_.words_checked += device.words_checked;
  for (const ViolationRecord& record : device.kept) {
    findings_.kept.push_back(fmt::format(
        "{}: word {} held {:016x} where {:016x} was expected, pass {}, device clock {}",
        to_string(classify_device_view(record.observed, record.expected, record.word_index,
                                       workload_->options().identity)),
        record.word_index, record.observed, record.expected, record.pass, record.clock_ticks));
  }
}

CaseFindings CaseSession::findings() const {
  CaseFindings findings = findings_;
  const std::int64_t now_ns = monotonic_raw_ns();
  if (const auto time = clocks_.gpu.from_raw(now_ns)) {
    findings.clock_residual_ns = time->residual_ns;
  }
  return findings;
}

}  // namespace notifier
