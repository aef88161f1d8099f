// SPDX-License-Identifier: MIT
// The part of a session that looks for wrong data, puts memory back, and proves the meter.
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <stdexcept>

#include "harness/case_session.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/vmstat.hpp"
#include "kernels/record.hpp"
#include "kernels/workload_full.hpp"

namespace notifier {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::uint64_t kPageWords = kPageBytes / sizeof(std::uint64_t);
/// At most this many lines are scanned from the CPU after an event; all of them at the end.
constexpr std::uint64_t kScanLines = 16'384;

/// softgpu's control of its notifier, where this process contains one (softgpu_control.h).
struct SoftwareHold {
  void (*set)(std::uint32_t phase, std::uint64_t duration_ns) = nullptr;
  std::uint64_t (*last_ns)() = nullptr;
};

SoftwareHold software_hold() {
  return {
      reinterpret_cast<void (*)(std::uint32_t, std::uint64_t)>(dlsym(RTLD_DEFAULT, "softgpu_hold")),
      reinterpret_cast<std::uint64_t (*)()>(dlsym(RTLD_DEFAULT, "softgpu_last_hold_ns"))};
}

}  // namespace

void CaseSession::finish(const Perturbation& row, EventContext& event) {
  pages_moved_by_rows_ += event.pages_moved;
  // The window is closed and quiet. Putting the memory back may evict, and a cursor taken between
  // that eviction and its restore would leave the restore without a partner.
  const std::uint64_t cursor = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  if (row.finish != nullptr) row.finish(event);
  if (row.migration || row.waits_for_work) wait_until_quiet(cursor);
  add_child_findings(board_->findings, std::string(row.name) + describe_moment(monotonic_raw_ns()),
                     findings_);
  if (row.rebuilds || (leaves_ && row.scope == Scope::kRange) ||
      (rebuilds_ && !buffer_->backing_mismatch().empty())) {
    rebuild(cursor);
  }
  scan_after_event();
  take_driver_findings();
}

void CaseSession::rebuild(std::uint64_t driver_cursor) {
  workload_->exclude(slice_);
  // Drops what the event left (huge pages, or a moved mapping that the driver took for a hole) and
  // makes the driver look again: its next restore finds the pages (kfd_facts §0.9).
  buffer_->rebuild();
  wait_until_quiet(driver_cursor);
  workload_->hand_back(slice_);
  workload_->wait_passes(1);  // retry faults for the fresh pages belong to no window
}

void CaseSession::scan_after_event() {
  if (request_.without == Observation::kIntegrity) return;
  const std::uint64_t lines = workload_->size_words() / kWordsPerLine;
  // An odd stride visits other lines of each page from event to event.
  const std::uint64_t stride = std::max<std::uint64_t>(1, lines / kScanLines) | 1;
  add_host_findings(
      workload_->scan_from_host(scans_++ % stride, stride, {0, 0}, findings_.words_checked));
}

void CaseSession::add_host_findings(const WorkloadDriver::HostFindings& found) {
  findings_.violations += found.violations;
  for (const WorkloadDriver::HostViolation& seen : found.kept) {
    findings_.kept.push_back(describe_violation(seen));
  }
}

void CaseSession::take_driver_findings() {
  if (driver_events_ == nullptr) return;
  driver_events_->drain_now();
  const auto batch = driver_events_->events_since(driver_cursor_);
  driver_cursor_ = batch.next_cursor;
  for (const DriverEvent& event : batch.events) {
    findings_.driver.add(event);
    if (event.kind == DriverEventKind::kProtocol) {
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
    store(shared.pause_ticks, static_cast<std::uint64_t>(hold_ns / tick_ns_));
  });
  workload_->wait_passes(1);
  const double measured_ns = longest_gap_ns();
  workload_->command([](Command& shared) { store(shared.pause_ticks, 0); });
  return measured_ns;
}

double CaseSession::longest_gap_ns() const {
  std::uint64_t longest_ticks = 0;
  for (const WaveProgress& progress : workload_->all_progress()) {
    longest_ticks = std::max(longest_ticks, progress.longest_gap_ticks);
  }
  return static_cast<double>(longest_ticks) * tick_ns_;
}

bool CaseSession::can_hold_notifier() { return software_hold().set != nullptr; }

MeterReading CaseSession::hold_by_notifier(double hold_ns) {
  constexpr std::uint32_t kInNotifier = 1;  // softgpu_control.h
  const SoftwareHold control = software_hold();
  const std::uint64_t cursor = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  workload_->command([](Command&) {});
  control.set(kInNotifier, static_cast<std::uint64_t>(hold_ns));
  // The rights stay as they are: the notifier is told, and nothing changes.
  const int result = mprotect(buffer_->host(), kPageBytes, PROT_READ | PROT_WRITE);
  const double injected_ns = static_cast<double>(control.last_ns());
  control.set(0, 0);
  perturbation_calls::throw_if(result != 0, "mprotect to make the driver stop");
  wait_until_quiet(cursor);
  return {injected_ns, longest_gap_ns()};
}

MeterReading CaseSession::hold_by_userfault(double hold_ns) {
  constexpr int kPatience_ms = 5'000;
  if (userfault_ == nullptr) {
    // The middle of the buffer: one page of some wave's slice.
    const std::uint64_t page = workload_->size_words() / 2 / kPageWords * kPageWords;
    userfault_ =
        std::make_unique<UserfaultHold>(buffer_->host() + page * sizeof(std::uint64_t), kPageBytes);
  }
  workload_->command([](Command&) {});
  const double injected_ns = userfault_->hold_next_store(hold_ns, kPatience_ms);
  workload_->wait_passes(1);
  return {injected_ns, longest_gap_ns()};
}

analysis::SampleRow CaseSession::measure_fatal(const Perturbation& row,
                                               const FatalFaultWatch& watch) {
  analysis::SampleRow sample;
  EventContext event;
  check_backing(sample);
  prepare(row, event);
  row.perform(event);
  sample.start_ns = event.enter_ns - request_.recording_start_ns;
  sample[analysis::Metric::kSyscall] = static_cast<double>(event.leave_ns - event.enter_ns);
  // Nine passes visit every word, so the waves have then touched what the call took away.
  workload_->wait_passes(kFullCheckPasses, [&] { return watch.seen().has_value(); });
  if (const auto fault = watch.seen()) {
    sample[analysis::Metric::kCallToFault] = static_cast<double>(fault->raw_ns - event.enter_ns);
  }
  return sample;
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

void CaseSession::excuse_moves_by_the_kernel() {
  // The software GPU learns of system calls, not of what the kernel does by itself: compaction
  // and khugepaged move pages (and keep their content) without a word to it, where a real notifier
  // would be told (docs/softgpu.md). Excused only as far as the kernel counted such moves during
  // the case.
  std::uint64_t& missed = findings_.violations[ViolationClass::kMissed];
  findings_.pages_moved_unseen =
      excused_pages(missed, moved_by_kernel_at_start_, pages_moved_by_rows_);
  missed -= findings_.pages_moved_unseen;
  if (missed != 0) return;
  std::erase_if(findings_.kept,
                [](const std::string& text) { return text.starts_with("missed: "); });
}

void CaseSession::stop_bystanders() {
  if (!bystanders_) return;
  BystanderFindings found;
  bystanders_->stop(found);
  findings_.violations += found.violations;
  findings_.words_checked += found.words_checked;
  findings_.kept.insert(findings_.kept.end(), found.kept.begin(), found.kept.end());
}

void CaseSession::verify() {
  // The words that an allowed event emptied are written again within nine passes; after that no
  // exception is left.
  workload_->wait_passes(kFullCheckPasses);
  workload_->allow({0, 0}, kAllowNothing);
  workload_->wait_passes(kFullCheckPasses);
  const auto at_end = workload_->scan_from_host(0, 1, {0, 0}, findings_.words_checked);
  add_host_findings(at_end);
  findings_.violations_at_end = at_end.violations.total();
  workload_->stop();
  stop_bystanders();
  take_driver_findings();
  excuse_moves_by_the_kernel();
  const WorkloadDriver::DeviceFindings device = workload_->device_findings();
  findings_.violations += device.violations;
  findings_.words_checked += device.words_checked;
  for (const ViolationRecord& record : device.kept) {
    findings_.kept.push_back(describe_violation(record));
  }
}

std::string CaseSession::describe_place(const ViolationRecord& record) const {
  const auto phase = static_cast<ViolationPhase>(record.phase);
  if (phase != ViolationPhase::kHeldRegister && phase != ViolationPhase::kHeldLocalMemory) {
    return fmt::format("word {} at {}", record.word_index,
                       fmt::ptr(buffer_->device() + record.word_index));
  }
  const std::uint64_t held = record.word_index - workload_->size_words();
  const std::uint64_t lane = held / kHeldWordsPerLane;
  const std::uint64_t number = held % kHeldWordsPerLane;
  const std::uint32_t lanes = request_.grid.lanes_per_wave;
  const bool in_registers = phase == ViolationPhase::kHeldRegister;
  return fmt::format("{} {} of lane {} of wave {}", in_registers ? "register word" : "local word",
                     in_registers ? number : number - kHeldRegisterWords, lane % lanes,
                     lane / lanes);
}

std::string CaseSession::describe_violation(const ViolationRecord& record) const {
  const ViolationClass kind = classify_device_view(
      record.observed, record.expected, record.word_index, workload_->options().identity);
  std::string text =
      fmt::format("{}: {}, epoch {} ({:016x}), where epoch {} ({:016x}) was expected",
                  to_string(kind), describe_place(record), record_epoch(record.observed),
                  record.observed, record_epoch(record.expected), record.expected);
  const auto time = clocks_.gpu.to_raw(static_cast<std::int64_t>(record.clock_ticks));
  if (!time) return text;
  return text + describe_moment(time->value);
}

std::string CaseSession::describe_violation(const WorkloadDriver::HostViolation& seen) const {
  // Each of the eight words of a line is at most seven passes behind (integrity.cpp).
  const std::uint64_t completed = seen.passes.completed_before;
  const std::uint64_t oldest = completed < kWordsPerLine ? 0 : completed - (kWordsPerLine - 1);
  return fmt::format(
             "{}: word {} at {}, epoch {} ({:016x}) seen by the CPU, where epochs {} to {} were "
             "expected",
             to_string(seen.kind), seen.word_index,
             fmt::ptr(buffer_->host() + seen.word_index * sizeof(Record)),
             record_epoch(seen.observed), seen.observed, oldest & kEpochMask,
             (seen.passes.completed_after + 1) & kEpochMask) +
         describe_moment(seen.raw_ns);
}

std::string CaseSession::describe_moment(std::int64_t raw_ns) const {
  const std::string text =
      fmt::format(", {:.6f} s into the recording",
                  static_cast<double>(raw_ns - request_.recording_start_ns) / 1e9);
  const auto later = std::upper_bound(
      begun_.begin(), begun_.end(), raw_ns,
      [](std::int64_t at_ns, const Begun& event) { return at_ns < event.enter_ns; });
  if (later == begun_.begin()) return text + ", before the first event";
  return text + fmt::format(", after event {} ({})", later - begun_.begin() - 1,
                            std::prev(later)->perturbation);
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
