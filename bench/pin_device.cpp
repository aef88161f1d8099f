// SPDX-License-Identifier: MIT
// Both at once: a page that a GPU kernel works on is also held by a part of the kernel, while the
// process forks. Linked against the software GPU and, where the toolchain is there, ROCm.
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>

#include "bench/exit_code.hpp"
#include "bench/pin_main.hpp"
#include "harness/buffer.hpp"
#include "harness/device.hpp"
#include "harness/pin/clock.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/held_file.hpp"
#include "harness/run_safety.hpp"
#include "harness/workload_driver.hpp"

namespace notifier {
namespace {

using pin::Actor;
using pin::kUsedBytes;
using pin::Outcome;
using pin::TogetherResult;
using pin::TogetherRow;
using pin::WordCounts;

constexpr std::uint64_t kTransfersPerPhase = 16;
// The kernel ends by itself after this long, should this process not.
constexpr std::uint64_t kDeadlineTicks = 60ull * 100'000'000;

DeviceInfo device;

void require(int error, const char* what) {
  errno = error;
  pin::throw_if(error != 0, what);
}

void add(const WordCounts& seen, TogetherResult& result) {
  // The GPU's records carry the owner that a device has in the pin cases; here the actor is second.
  result.race_words.total += seen.total;
  result.race_words.process_final += seen.device + seen.process_final;
  result.race_words.device += seen.second_device;
  result.race_words.torn += seen.torn;
  result.words_checked += seen.total;
}

Case used_memory() {
  Case wanted;
  wanted.size_bytes = kUsedBytes;
  return wanted;
}

/// A workload kernel on memory of its own kind, with an actor on the same pages.
class SharedPage {
 public:
  SharedPage(const TogetherRow& row, bool actor_writes, std::uint64_t seed)
      : seed_(seed),
        actor_writes_(actor_writes),
        buffer_(allocate_buffer(used_memory())),
        workload_(*buffer_, options(seed)),
        actor_(pin::find_actor(row.first)->make()) {
    const std::int64_t enter_ns = pin::raw_clock_ns();
    actor_->attach(memory(),
                   actor_writes ? pin::Direction::kDeviceWrites : pin::Direction::kDeviceReads);
    result_.attach_ns = static_cast<double>(pin::raw_clock_ns() - enter_ns);
    // One transfer only, which is in flight: it must be the one after the fork.
    single_ = !actor_->reads_back();
  }

  TogetherResult run() {
    workload_.launch();
    workload_.wait_passes(1);
    if (!single_) transfer(kTransfersPerPhase);
    pin::Child child(memory().data(), kUsedBytes, seed_);
    result_.fork_ns = static_cast<double>(child.fork_ns());
    transfer(single_ ? 1 : kTransfersPerPhase);
    workload_.wait_passes(kWordsPerLine);
    const bool agree = single_ || agree_in_peace();
    workload_.stop();
    judge(child, agree);
    return result_;
  }

 private:
  static WorkloadOptions options(std::uint64_t seed) {
    WorkloadOptions options;
    options.grid = {device.compute_units, device.lanes_per_wave};
    options.identity.seed = seed;
    options.deadline_ticks = kDeadlineTicks;
    options.gap_threshold_ticks = kDeadlineTicks;  // gaps are not what this is about
    return options;
  }

  std::span<std::byte> memory() const { return {buffer_->host(), kUsedBytes}; }

  void transfer(std::uint64_t times) {
    std::vector<std::byte> data(kUsedBytes);
    for (std::uint64_t i = 0; i < times; ++i) {
      if (actor_writes_) {
        write_words(data, pin::Writer::kSecondDevice, pin::kFinalEpoch, seed_);
        require(actor_->write(data), "transfer");
        add(pin::count_words(memory(), seed_), result_);
      } else {
        require(actor_->read(data), "transfer");
        add(pin::count_words(data, seed_), result_);
      }
      ++result_.device_transfers;
      std::this_thread::yield();
    }
  }

  /// While the waves keep out, the actor has to see what the process sees, and to change it.
  bool agree_in_peace() {
    const WordRange all{0, workload_.size_words()};
    workload_.exclude(all);
    std::vector<std::byte> data(kUsedBytes);
    require(actor_->read(data), "transfer");
    bool agree = pin::digest_words(data) == pin::digest_words(memory());
    write_words(data, pin::Writer::kSecondDevice, pin::kFinalEpoch, seed_);
    require(actor_->write(data), "transfer");
    agree = agree && pin::digest_words(data) == pin::digest_words(memory());
    workload_.hand_back(all);
    workload_.wait_passes(kWordsPerLine);
    return agree;
  }

  void judge(pin::Child& child, bool agree) {
    const std::uint64_t disturbed = workload_.device_findings().violations.total();
    const pin::ChildReport last = child.scan();
    result_.words_changed_in_child = last.digest == child.first_report().digest ? 0 : 1;
    result_.words_checked += workload_.device_findings().words_checked + 2 * last.words.total;
    // The kernel finds words that are not its own where the actor wrote, and nowhere else.
    const bool right_for_gpu = actor_writes_ ? disturbed > 0 : disturbed == 0;
    if (result_.race_words.torn + last.words.torn > 0) {
      result_.outcome = Outcome::kTorn;
    } else if (result_.words_changed_in_child > 0) {
      result_.outcome = Outcome::kReachesChild;
    } else if (!agree || !right_for_gpu) {
      result_.outcome = Outcome::kOrphan;
    }
  }

  std::uint64_t seed_;
  bool actor_writes_;
  bool single_ = false;
  std::unique_ptr<Buffer> buffer_;
  WorkloadDriver workload_;
  std::unique_ptr<Actor> actor_;
  TogetherResult result_;
};

TogetherResult run_reading(const TogetherRow& row, std::uint64_t seed) {
  return SharedPage(row, false, seed).run();
}

TogetherResult run_writing(const TogetherRow& row, std::uint64_t seed) {
  return SharedPage(row, true, seed).run();
}

constexpr std::array kRows = {
    TogetherRow{.name = "together_gpu_reads",
                .summary = "a GPU kernel works on a fixed buffer that io_uring writes out",
                .first = "io_uring_fixed",
                .second = "",
                .run = run_reading},
    TogetherRow{.name = "together_gpu_writes",
                .summary = "a GPU kernel works on a fixed buffer that io_uring reads into",
                .first = "io_uring_fixed",
                .second = "",
                .run = run_writing},
    TogetherRow{.name = "together_gpu_direct",
                .summary = "an O_DIRECT read into a page that a GPU kernel works on",
                .first = "direct_aio_held",
                .second = "",
                .run = run_writing},
};

std::string start() {
  // Before the software GPU watches the system calls of this process.
  try {
    pin::HeldFile::shared();
  } catch (const pin::CannotRun&) {
    // Those that need it say so themselves.
  }
  const RunSafety safety{SystemView()};
  device = open_device();
  // The kernels here run until they are told to stop, as the bench's do.
  if (const auto refusal = safety.refusal(device.platform, /*share_gpu=*/true)) {
    throw std::runtime_error(*refusal);
  }
  if (safety.refusal_to_share(device.platform, /*share_gpu=*/false)) {
    throw std::runtime_error("others use the GPU: notifier_bench --probe names them");
  }
  return device.platform;
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  try {
    notifier::PinProgram program{.start = notifier::start, .cases = {}};
    for (const notifier::TogetherRow& row : notifier::kRows) {
      program.cases.push_back({.actor = notifier::pin::find_actor(row.first), .together = &row});
    }
    return notifier::pin_main(argc, argv, program);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return notifier::kExitViolation;
  }
}
