// SPDX-License-Identifier: MIT
#include "bench/fence_chain.hpp"

#include <fmt/format.h>
#include <hip/hip_runtime.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include "harness/buffer.hpp"
#include "harness/cannot_perform.hpp"
#include "harness/clock_correlation.hpp"
#include "harness/clock_reader.hpp"
#include "harness/device.hpp"
#include "harness/hip_check.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/workload_driver.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kSettleNs = 10'000'000;  // many restore delays
// Of the work that a check needs; it is a fraction of a second where nothing else runs.
constexpr std::chrono::seconds kCheckLimit{120};

void sleep_ns(std::uint64_t duration_ns) {
  timespec left{static_cast<time_t>(duration_ns / 1'000'000'000),
                static_cast<long>(duration_ns % 1'000'000'000)};
  while (nanosleep(&left, &left) != 0) {
  }
}

double device_tick_ns(std::uint32_t node_id) {
  const ClockReader reader(node_id);
  ClockCorrelation clocks;
  clocks.add(reader.read());
  sleep_ns(20'000'000);
  clocks.add(reader.read());
  const auto rate = clocks.gpu.rate();
  if (!rate) throw std::runtime_error("the device's clock does not run");
  return 1e9 / rate->units_per_second;
}

/// One device's end of the chain: memory and the jobs that sweep it.
class Link {
 public:
  Link(int device, const Case& wanted, const WorkloadOptions& options) : device_(device) {
    HIP_CHECK(hipSetDevice(device));
    buffer_ = allocate_buffer(wanted);
    jobs_ = std::make_unique<WorkloadDriver>(*buffer_, options);
    jobs_->allow_before_launch(all(), kAllowZero);
  }
  ~Link() {
    HIP_CHECK_NO_THROW(hipSetDevice(device_));
    jobs_.reset();
    buffer_.reset();
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  hipStream_t stream() const { return jobs_->stream(); }
  void submit() {
    HIP_CHECK(hipSetDevice(device_));
    jobs_->submit_job();
  }
  std::uint64_t iterations() const { return jobs_->progress(0).iterations; }
  std::uint64_t last_job_end_ticks() const { return jobs_->last_job_end_ticks(); }
  /// Since the link was made, by device and CPU.
  ViolationCounts violations() const {
    ViolationCounts sum = seen_by_cpu_;
    return sum += jobs_->device_findings().violations;
  }
  std::uint64_t words_checked() const {
    return words_checked_by_cpu_ + jobs_->device_findings().words_checked;
  }
  /// While calls drop the memory, a zero is what each word may hold, and a device that goes on with
  /// an old copy agrees with itself. So once no more calls come, jobs write every word again, jobs
  /// to which nothing is allowed look at each, and then the CPU does.
  void check() {
    run_passes(kPassesForEveryWord);
    allow(kAllowNothing);
    run_passes(kPassesForEveryWord);
    seen_by_cpu_ += jobs_->scan_from_host(0, 1, {0, 0}, words_checked_by_cpu_).violations;
    allow(kAllowZero);
    run_passes(1);  // what the CPU has looked at comes back to the device
  }
  void invalidate() {
    perturbation_calls::throw_if(
        madvise(buffer_->host(), buffer_->size_bytes(), MADV_DONTNEED) != 0,
        "madvise(MADV_DONTNEED) of a job's memory");
  }

 private:
  static constexpr std::uint64_t kPassesForEveryWord = kWordsPerLine + 1;
  WordRange all() const { return {0, jobs_->size_words()}; }
  /// Jobs take a command over at a poll, and there is none without a job.
  void allow(std::uint64_t outcomes) {
    const std::jthread feeder([this](const std::stop_token& enough) {
      while (!enough.stop_requested()) run_job();
    });
    jobs_->allow(all(), outcomes);
  }
  void run_job() {
    submit();
    HIP_CHECK(hipStreamSynchronize(stream()));
  }
  void run_passes(std::uint64_t passes) {
    const auto limit = std::chrono::steady_clock::now() + kCheckLimit;
    // One more: the last job ended in the middle of a pass.
    const std::uint64_t end = jobs_->progress(0).passes + passes + 1;
    while (jobs_->progress(0).passes < end) {
      run_job();
      if (std::chrono::steady_clock::now() > limit) {
        throw WorkloadStuck(fmt::format("jobs did not sweep the memory {} times within {} s",
                                        passes, kCheckLimit.count()));
      }
    }
  }

  int device_;
  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<WorkloadDriver> jobs_;
  ViolationCounts seen_by_cpu_;
  std::uint64_t words_checked_by_cpu_ = 0;
};

class Chain {
 public:
  Chain(const Case& wanted, const WorkloadOptions& options)
      : a_(0, wanted, options), b_(1, wanted, options) {
    HIP_CHECK(hipSetDevice(0));
    HIP_CHECK(hipEventCreateWithFlags(&a_ended_, hipEventDisableTiming));
  }
  ~Chain() { HIP_CHECK_NO_THROW(hipEventDestroy(a_ended_)); }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  void measure(Invalidated invalidated, std::uint64_t phase_ns, FencePoint& point) {
    // Jobs submitted before the last event's restore would be held back, and no call waits for
    // those.
    sleep_ns(kSettleNs);
    const std::uint64_t before = a_.iterations();
    const std::uint64_t b_end_before_ticks = b_.last_job_end_ticks();
    a_.submit();
    HIP_CHECK(hipEventRecord(a_ended_, a_.stream()));
    HIP_CHECK(hipStreamWaitEvent(b_.stream(), a_ended_, 0));
    b_.submit();
    while (a_.iterations() == before) sleep_ns(20'000);
    const std::int64_t begin_ns = monotonic_raw_ns();
    sleep_ns(phase_ns);
    const std::int64_t enter_ns = monotonic_raw_ns();
    if (invalidated == Invalidated::kNeither) (void)getppid();
    if (invalidated == Invalidated::kA || invalidated == Invalidated::kBoth) a_.invalidate();
    if (invalidated == Invalidated::kB || invalidated == Invalidated::kBoth) b_.invalidate();
    const std::int64_t leave_ns = monotonic_raw_ns();
    // B comes after A. By the job's own last word: the stream learns of its end later.
    const bool ended = b_.last_job_end_ticks() != b_end_before_ticks;
    HIP_CHECK(hipStreamSynchronize(b_.stream()));
    point.enter_ns.push_back(enter_ns);
    point.call_ns.push_back(static_cast<double>(leave_ns - enter_ns));
    point.chain_ns.push_back(static_cast<double>(monotonic_raw_ns() - begin_ns));
    point.ended_at_return += ended ? 1 : 0;
  }
  /// Since the chain began.
  ViolationCounts violations() const {
    ViolationCounts sum = a_.violations();
    return sum += b_.violations();
  }
  std::uint64_t words_checked() const { return a_.words_checked() + b_.words_checked(); }
  /// Looks at every word of both; after the last event of a point.
  void check() {
    a_.check();
    b_.check();
  }

 private:
  Link a_;
  Link b_;
  hipEvent_t a_ended_ = nullptr;
};

}  // namespace

std::vector<FencePoint> measure_fence_chain(const FenceOptions& options, Recovery recovery,
                                            FenceDevice& named) {
  DeviceInfo device;
  try {
    device = open_device();
  } catch (const std::exception& reason) {
    throw CannotPerform(reason.what());
  }
  named = {device.platform, device.uuid};
  if (recovery == Recovery::kWaitForJobs && device.platform != "software") {
    throw CannotPerform("the compute driver preempts finite kernels as well (kfd_facts §0.36)");
  }
  int devices = 0;
  HIP_CHECK(hipGetDeviceCount(&devices));
  if (devices < 2) throw CannotPerform("a chain across devices needs two of them");
  if (std::string obstacle = recovery_obstacle(recovery); !obstacle.empty()) {
    throw CannotPerform(obstacle);
  }
  Case wanted;
  wanted.memory = Memory::kManaged;  // the one kind whose recovery HSA_XNACK chooses
  wanted.recovery = recovery;
  wanted.size_bytes = options.size_bytes;
  const double tick_ns = device_tick_ns(device.node_id);
  std::mt19937_64 random(options.seed);
  std::vector<FencePoint> points = fence_points(options, recovery);
  std::unique_ptr<Chain> chain;
  std::uint64_t job_ms = 0;
  for (FencePoint& point : points) {
    const std::uint64_t job_ns = point.job_ms * 1'000'000;
    if (point.job_ms != std::exchange(job_ms, point.job_ms)) {
      WorkloadOptions jobs;
      jobs.grid = {1, device.lanes_per_wave};
      jobs.identity.seed = options.seed;
      jobs.job_ticks = static_cast<std::uint64_t>(static_cast<double>(job_ns) / tick_ns);
      chain.reset();
      chain = std::make_unique<Chain>(wanted, jobs);
    }
    const ViolationCounts before = chain->violations();
    const std::uint64_t checked_before = chain->words_checked();
    // Within A's first three quarters, so that the call meets A as a rule.
    std::uniform_int_distribution<std::uint64_t> phase_ns(0, job_ns * 3 / 4);
    for (std::uint32_t event = 0; event < options.events; ++event) {
      chain->measure(point.invalidated, phase_ns(random), point);
    }
    chain->check();
    point.violations = chain->violations();
    point.words_checked = chain->words_checked() - checked_before;
    for (std::size_t which = 0; which < kViolationClasses; ++which) {
      point.violations.counts[which] -= before.counts[which];
    }
  }
  return points;
}

}  // namespace notifier
