// SPDX-License-Identifier: MIT
#include "harness/workload_driver.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "harness/clock_reader.hpp"
#include "harness/hip_check.hpp"
#include "harness/smaps.hpp"
#include "kernels/record.hpp"
#include "kernels/workload_full.hpp"

namespace notifier {
namespace {

std::uint64_t load(const std::uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

/// Device memory written by a running kernel can only be polled. Short enough not to lengthen an
/// event, long enough to leave the CPU to the software GPU's threads.
void pause_between_polls() {
  const timespec pause{0, 20'000};
  nanosleep(&pause, nullptr);
}

constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Command::generation counts from 1; 0 is "none yet".
std::uint64_t next_generation(const Command& command) { return command.generation + 1; }

}  // namespace

ControlMemory::ControlMemory(std::size_t size_bytes) {
  void* host = nullptr;
  size_bytes = round_up(size_bytes, 4096);
  HIP_CHECK(hipHostMalloc(&host, size_bytes, hipHostMallocCoherent | hipHostMallocMapped));
  host_ = static_cast<std::byte*>(host);
  try {
    // kfd_facts §0.15: whether the runtime's memory is copied by fork depends on its version.
    if (read_backing(host_, size_bytes).copied_on_fork &&
        madvise(host_, size_bytes, MADV_DONTFORK) != 0) {
      throw std::system_error(errno, std::generic_category(), "MADV_DONTFORK on control memory");
    }
    void* device = nullptr;
    HIP_CHECK(hipHostGetDevicePointer(&device, host, 0));
    device_ = static_cast<std::byte*>(device);
  } catch (...) {
    HIP_CHECK_NO_THROW(hipHostFree(host));
    throw;
  }
  std::memset(host_, 0, size_bytes);
}

ControlMemory::~ControlMemory() { HIP_CHECK_NO_THROW(hipHostFree(host_)); }

WorkloadDriver::WorkloadDriver(Buffer& buffer, const WorkloadOptions& options)
    : buffer_(buffer), options_(options), size_words_(buffer.size_bytes() / sizeof(Record)) {
  const std::size_t waves = options.grid.waves;
  waves_offset_ = round_up(sizeof(Command), 4096);
  lanes_offset_ = waves_offset_ + waves * sizeof(WaveState);
  gaps_offset_ = lanes_offset_ + waves * options.grid.lanes_per_wave * sizeof(LaneState);
  const std::size_t gaps_bytes = waves * options.gap_capacity * sizeof(GapRecord);
  saved_offset_ = round_up(gaps_offset_ + gaps_bytes, alignof(SavedLane));
  control_ = std::make_unique<ControlMemory>(saved_offset_ + waves * options.grid.lanes_per_wave *
                                                                 sizeof(SavedLane));
  passes_at_reset_.assign(waves, 0);
  last_reset_ = {0, size_words_};
  fill();
  HIP_CHECK(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking));
}

WorkloadDriver::~WorkloadDriver() {
  try {
    stop();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stopping the workload: %s\n", error.what());
  }
  if (stream_ != nullptr) HIP_CHECK_NO_THROW(hipStreamDestroy(stream_));
}

void WorkloadDriver::fill() {
  if (buffer_.host() != nullptr) {
    fill_with_host_records(reinterpret_cast<std::uint64_t*>(buffer_.host()), 0, size_words_, 0,
                           options_.identity.seed);
    return;
  }
  std::vector<std::uint64_t> content(size_words_);
  fill_with_host_records(content.data(), 0, size_words_, 0, options_.identity.seed);
  HIP_CHECK(
      hipMemcpy(buffer_.device(), content.data(), buffer_.size_bytes(), hipMemcpyHostToDevice));
}

WorkloadArguments WorkloadDriver::arguments() const {
  WorkloadArguments arguments{};
  arguments.data = buffer_.device();
  arguments.size_words = size_words_;
  arguments.command = reinterpret_cast<Command*>(control_->device());
  arguments.waves = reinterpret_cast<WaveState*>(control_->device() + waves_offset_);
  arguments.lanes = reinterpret_cast<LaneState*>(control_->device() + lanes_offset_);
  arguments.gaps = reinterpret_cast<GapRecord*>(control_->device() + gaps_offset_);
  arguments.gap_capacity = options_.gap_capacity;
  arguments.owner = options_.identity.owner;
  arguments.seed = options_.identity.seed;
  arguments.deadline_ticks = options_.job_ticks != 0 ? options_.job_ticks : options_.deadline_ticks;
  return arguments;
}

JobArguments WorkloadDriver::job_arguments() const {
  return {arguments(), reinterpret_cast<SavedLane*>(control_->device() + saved_offset_)};
}

void WorkloadDriver::submit_job() {
  HIP_CHECK(launch_workload_job(job_arguments(), options_.grid, stream_));
}

std::uint64_t WorkloadDriver::last_job_end_ticks() const {
  return load(host_at<SavedLane>(saved_offset_)->last_stamp_ticks);
}

void WorkloadDriver::launch() {
  store(host_at<Command>(0)->gap_threshold_ticks, options_.gap_threshold_ticks);
  if (options_.allowed_outcomes != kAllowNothing) {
    allow_before_launch({0, size_words_}, options_.allowed_outcomes);
  }
  if (options_.job_ticks != 0) {
    feeder_ = std::make_unique<JobFeeder>(job_arguments(), options_.grid, stream_,
                                          host_at<SavedLane>(saved_offset_));
  } else {
    const auto start = options_.full_context ? launch_workload_full : launch_workload;
    HIP_CHECK(start(arguments(), options_.grid, stream_));
  }
  running_ = true;
}

void WorkloadDriver::stop() {
  if (!running_) return;
  Command& shared = *host_at<Command>(0);
  if (feeder_) feeder_->end();
  store(shared.stop, 1);
  __atomic_store_n(&shared.generation, next_generation(shared), __ATOMIC_RELEASE);
  join();
}

void WorkloadDriver::join() {
  feeder_.reset();
  HIP_CHECK(hipStreamSynchronize(stream_));
  running_ = false;
}

bool WorkloadDriver::ended() const {
  for (std::uint32_t wave = 0; wave < options_.grid.waves; ++wave) {
    if (load(host_at<WaveState>(waves_offset_)[wave].finished) == 0) return false;
  }
  return true;
}

void WorkloadDriver::check_alive(std::uint32_t wave, const char* meanwhile) const {
  if (feeder_ && feeder_->failed()) throw WorkloadStuck("no further job: " + feeder_->error());
  const std::uint64_t finished = load(host_at<WaveState>(waves_offset_)[wave].finished);
  if (finished == 0) return;
  throw WorkloadStuck(fmt::format("wave {} ended {} (finished = {})", wave, meanwhile, finished));
}

void WorkloadDriver::command(const std::function<void(Command&)>& change) {
  Command& shared = *host_at<Command>(0);
  change(shared);
  const std::uint64_t generation = next_generation(shared);
  if (shared.reset_generation == ~std::uint64_t{0}) store(shared.reset_generation, generation);
  __atomic_store_n(&shared.generation, generation, __ATOMIC_RELEASE);
  const auto limit = std::chrono::steady_clock::now() + options_.patience;
  for (std::uint32_t wave = 0; wave < options_.grid.waves; ++wave) {
    const WaveState& state = host_at<WaveState>(waves_offset_)[wave];
    while (load(state.acknowledged_generation) != generation) {
      check_alive(wave, "before it was asked to");
      if (std::chrono::steady_clock::now() > limit) {
        throw WorkloadStuck(fmt::format("wave {} did not acknowledge a command within {} ms", wave,
                                        options_.patience.count()));
      }
      pause_between_polls();
    }
  }
}

void WorkloadDriver::exclude(const WordRange& slice) {
  command([&](Command& shared) {
    store(shared.excluded_begin_word, slice.begin);
    store(shared.excluded_end_word, slice.end);
    store(shared.pause_ticks, 0);
  });
}

void WorkloadDriver::hand_back(const WordRange& slice,
                               const std::function<void()>& before_release) {
  ++reset_epoch_;
  fill_with_host_records(reinterpret_cast<std::uint64_t*>(buffer_.host()), slice.begin, slice.end,
                         reset_epoch_, options_.identity.seed);
  if (before_release) before_release();
  command([&](Command& shared) {
    store(shared.excluded_begin_word, 0);
    store(shared.excluded_end_word, 0);
    store(shared.reset_begin_word, slice.begin);
    store(shared.reset_end_word, slice.end);
    store(shared.reset_epoch, reset_epoch_);
    store(shared.reset_generation, ~std::uint64_t{0});  // command() puts the generation there
  });
  last_reset_ = slice;
  for (std::uint32_t wave = 0; wave < options_.grid.waves; ++wave) {
    passes_at_reset_[wave] = progress(wave).passes;
  }
}

void WorkloadDriver::put_allowance(Command& shared, const WordRange& slice, std::uint64_t mask) {
  store(shared.allowed_begin_word, slice.begin);
  store(shared.allowed_end_word, slice.end);
  store(shared.allowed_mask, mask);
  allowed_ = slice;
  allowed_mask_ = mask;
}

void WorkloadDriver::allow(const WordRange& slice, std::uint64_t mask) {
  command([&](Command& shared) { put_allowance(shared, slice, mask); });
}

void WorkloadDriver::allow_before_launch(const WordRange& slice, std::uint64_t mask) {
  put_allowance(*host_at<Command>(0), slice, mask);
}

WaveProgress WorkloadDriver::progress(std::uint32_t wave) const {
  const WaveState& state = host_at<WaveState>(waves_offset_)[wave];
  WaveProgress progress;
  progress.iterations = load(state.iterations);
  progress.passes = load(state.passes);
  progress.last_clock_ticks = load(state.last_clock_ticks);
  progress.gaps_recorded = load(state.gaps_recorded);
  progress.longest_gap_ticks = load(state.longest_gap_ticks);
  progress.longest_gap_start_ticks = load(state.longest_gap_start_ticks);
  return progress;
}

std::vector<WaveProgress> WorkloadDriver::all_progress() const {
  std::vector<WaveProgress> all;
  for (std::uint32_t wave = 0; wave < options_.grid.waves; ++wave) all.push_back(progress(wave));
  return all;
}

bool WorkloadDriver::wait_passes(std::uint64_t passes, const std::function<bool()>& give_up) {
  const std::vector<WaveProgress> before = all_progress();
  const auto limit = std::chrono::steady_clock::now() + options_.patience;
  for (std::uint32_t wave = 0; wave < options_.grid.waves; ++wave) {
    const WaveState& state = host_at<WaveState>(waves_offset_)[wave];
    // One more: the pass that is under way began before this call.
    while (load(state.passes) < before[wave].passes + passes + 1) {
      if (give_up && give_up()) return false;
      check_alive(wave, "while its progress was awaited");
      if (std::chrono::steady_clock::now() > limit) {
        throw WorkloadStuck(fmt::format("wave {} made {} of {} passes within {} ms", wave,
                                        load(state.passes) - before[wave].passes, passes + 1,
                                        options_.patience.count()));
      }
      pause_between_polls();
    }
  }
  return true;
}

std::vector<GapRecord> WorkloadDriver::gaps(std::uint32_t wave, std::uint64_t first,
                                            std::uint64_t last) const {
  const GapRecord* ring = host_at<GapRecord>(gaps_offset_) + wave * options_.gap_capacity;
  std::vector<GapRecord> records;
  if (last > options_.gap_capacity) first = std::max(first, last - options_.gap_capacity);
  for (std::uint64_t number = first; number < last; ++number) {
    const GapRecord& record = ring[number % options_.gap_capacity];
    records.push_back({load(record.start_ticks), load(record.length_ticks)});
  }
  return records;
}

WorkloadDriver::DeviceFindings WorkloadDriver::device_findings() const {
  DeviceFindings findings;
  const std::uint64_t lanes = std::uint64_t{options_.grid.waves} * options_.grid.lanes_per_wave;
  for (std::uint64_t i = 0; i < lanes; ++i) {
    const LaneState& lane = host_at<LaneState>(lanes_offset_)[i];
    const std::uint64_t violations = load(lane.violations);
    findings.allowed_zeros += load(lane.allowed_zeros);
    findings.words_checked += load(lane.words_checked);
    const std::uint64_t kept = std::min(violations, kViolationsKeptPerLane);
    for (std::uint64_t k = 0; k < kept; ++k) {
      const ViolationRecord& record = lane.kept[k];
      ++findings.violations[classify_device_view(load(record.observed), load(record.expected),
                                                 load(record.word_index), options_.identity)];
      findings.kept.push_back(record);
    }
    // What was not kept is counted under the class of the lane's last kept record.
    if (violations > kept && kept > 0) {
      const ViolationRecord& last = lane.kept[kept - 1];
      findings.violations[classify_device_view(last.observed, last.expected, last.word_index,
                                               options_.identity)] += violations - kept;
    }
  }
  return findings;
}

void WorkloadDriver::check_line(std::uint64_t line, std::uint64_t wave, const WordRange& left_out,
                                HostFindings& findings) const {
  const auto* words = reinterpret_cast<const std::uint64_t*>(buffer_.host());
  const std::uint64_t begin = line * kWordsPerLine;
  if (begin >= left_out.begin && begin < left_out.end) return;
  const WaveState& state = host_at<WaveState>(waves_offset_)[wave];
  const bool reset_here = begin >= last_reset_.begin && begin < last_reset_.end;
  const bool zero_allowed =
      (allowed_mask_ & kAllowZero) != 0 && begin >= allowed_.begin && begin < allowed_.end;
  for (std::uint64_t i = begin; i < begin + kWordsPerLine; ++i) {
    PassWindow window;
    window.completed_before = load(state.passes);
    const std::uint64_t observed = __atomic_load_n(&words[i], __ATOMIC_ACQUIRE);
    window.completed_after = load(state.passes);
    const bool host_records_remain =
        reset_here && window.completed_before < passes_at_reset_[wave] + kWordsPerLine + 1;
    const auto violation =
        classify_host_view(observed, i, options_.identity, window, host_records_remain);
    if (!violation || (zero_allowed && *violation == ViolationClass::kZero)) continue;
    ++findings.violations[*violation];
    if (findings.kept.size() == kViolationsKeptPerScan) continue;
    findings.kept.push_back({*violation, i, observed, window, monotonic_raw_ns()});
  }
}

WorkloadDriver::HostFindings WorkloadDriver::scan_from_host(std::uint64_t first_line,
                                                            std::uint64_t line_stride,
                                                            const WordRange& left_out,
                                                            std::uint64_t& words_checked) const {
  HostFindings findings;
  if (buffer_.host() == nullptr) return findings;
  const std::uint64_t lines = size_words_ / kWordsPerLine;
  const std::uint64_t waves = options_.grid.waves;
  for (std::uint64_t wave = 0; wave < waves; ++wave) {
    const std::uint64_t begin = wave * lines / waves;
    const std::uint64_t end = (wave + 1) * lines / waves;
    std::uint64_t line = begin + (first_line + line_stride - begin % line_stride) % line_stride;
    for (; line < end; line += line_stride) {
      check_line(line, wave, left_out, findings);
      words_checked += kWordsPerLine;
    }
  }
  return findings;
}

}  // namespace notifier
