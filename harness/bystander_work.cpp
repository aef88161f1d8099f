// SPDX-License-Identifier: MIT
#include "harness/bystander_work.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <stdexcept>

#include "harness/clock_correlation.hpp"
#include "harness/clock_reader.hpp"
#include "harness/hip_check.hpp"
#include "kernels/record.hpp"

namespace notifier {
namespace {

// A pass over it is short against every stop, and no cache holds less.
constexpr std::uint64_t kSizeBytes = 64 << 10;

/// The calling thread's device, for as long as this lives.
class OnDevice {
 public:
  explicit OnDevice(int ordinal) {
    HIP_CHECK(hipGetDevice(&before_));
    if (ordinal != before_) HIP_CHECK(hipSetDevice(ordinal));
  }
  ~OnDevice() { HIP_CHECK_NO_THROW(hipSetDevice(before_)); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

double device_tick_ns(std::uint32_t node_id) {
  constexpr timespec kBetween{0, 20'000'000};
  const ClockReader reader(node_id);
  ClockCorrelation clocks;
  clocks.add(reader.read());
  nanosleep(&kBetween, nullptr);
  clocks.add(reader.read());
  const auto rate = clocks.gpu.rate();
  if (!rate) throw std::runtime_error("the clock of a bystander's device does not run");
  return 1e9 / rate->units_per_second;
}

std::uint64_t in_ticks(double duration_ns, double tick_ns) {
  return static_cast<std::uint64_t>(duration_ns / tick_ns);
}

}  // namespace

BystanderWork::BystanderWork(int ordinal, const DeviceInfo& device, const BystanderOptions& options,
                             DriverEventListener* driver_events)
    : ordinal_(ordinal), tick_ns_(device_tick_ns(device.node_id)), driver_events_(driver_events) {
  const OnDevice scope(ordinal_);
  Case memory;
  memory.memory = Memory::kVram;
  memory.recovery = options.recovery;
  memory.size_bytes = kSizeBytes;
  buffer_ = allocate_buffer(memory);
  WorkloadOptions work;
  work.grid = {1, device.lanes_per_wave};
  work.identity.seed = options.seed;
  work.patience = options.patience;
  work.deadline_ticks = in_ticks(1e6 * static_cast<double>(options.lifetime.count()), tick_ns_);
  work.job_ticks = in_ticks(static_cast<double>(job_ns(options.context)), tick_ns_);
  work.gap_threshold_ticks = ~std::uint64_t{0};  // the longest gap is all that is asked for
  work_ = std::make_unique<WorkloadDriver>(*buffer_, work);
}

BystanderWork::~BystanderWork() {
  HIP_CHECK_NO_THROW(hipSetDevice(ordinal_));
  work_.reset();
  buffer_.reset();
  HIP_CHECK_NO_THROW(hipSetDevice(0));
}

void BystanderWork::launch() {
  const OnDevice scope(ordinal_);
  work_->launch();
  work_->wait_passes(1);
}

void BystanderWork::open() {
  work_->command([](Command&) {});
  if (driver_events_ == nullptr) return;
  driver_events_->drain_now();
  cursor_ = driver_events_->cursor();
  driver_events_->forget_before(cursor_);
}

BystanderReading BystanderWork::close() {
  BystanderReading reading;
  work_->wait_passes(0);
  reading.stall_ns = static_cast<double>(work_->progress(0).longest_gap_ticks) * tick_ns_;
  if (driver_events_ == nullptr) return reading;
  driver_events_->drain_now();
  const auto batch = driver_events_->events_since(cursor_);
  reading.evictions = std::count_if(
      batch.events.begin(), batch.events.end(),
      [](const DriverEvent& event) { return event.kind == DriverEventKind::kQueueEviction; });
  return reading;
}

void BystanderWork::stop() { work_->stop(); }

BystanderFindings BystanderWork::findings() const {
  const WorkloadDriver::DeviceFindings device = work_->device_findings();
  BystanderFindings findings{device.violations, device.words_checked, {}};
  for (const ViolationRecord& record : device.kept) {
    findings.kept.push_back(fmt::format(
        "{}: word {} of a bystander, epoch {} ({:016x}), where epoch {} ({:016x}) was expected",
        to_string(classify_device_view(record.observed, record.expected, record.word_index,
                                       work_->options().identity)),
        record.word_index, record_epoch(record.observed), record.observed,
        record_epoch(record.expected), record.expected));
  }
  return findings;
}

}  // namespace notifier
