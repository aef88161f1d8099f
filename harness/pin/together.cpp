// SPDX-License-Identifier: MIT
#include "harness/pin/together.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "harness/pin/clock.hpp"
#include "harness/pin/error.hpp"
#include "kernels/record.hpp"

namespace notifier::pin {
namespace {

// Transfers of the first actor before and after the fork: enough for the CPU's work to meet them.
constexpr std::uint64_t kTransfersPerPhase = 32;

/// Works as a wave of the workload kernel does: stores a word, reads it back, goes on; without end.
class BusyCpu {
 public:
  BusyCpu(std::span<std::byte> memory, std::uint64_t seed)
      : thread_([this, memory, seed] { work(memory, seed); }) {}
  ~BusyCpu() { stop(); }
  BusyCpu(const BusyCpu&) = delete;
  BusyCpu& operator=(const BusyCpu&) = delete;

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t torn() const { return torn_; }
  std::uint64_t words() const { return words_; }
  void await_sweeps(std::uint64_t count) const {
    const std::uint64_t wanted = sweeps_ + count;
    while (sweeps_ < wanted) std::this_thread::yield();
  }

 private:
  void work(std::span<std::byte> memory, std::uint64_t seed) {
    auto* words = reinterpret_cast<std::uint64_t*>(memory.data());
    const std::uint64_t count = memory.size() / sizeof(std::uint64_t);
    while (!stop_) {
      for (std::uint64_t index = 0; index < count; ++index) {
        const Record record =
            make_record(static_cast<std::uint32_t>(Writer::kProcess), index, kFinalEpoch, seed);
        __atomic_store_n(words + index, record, __ATOMIC_RELAXED);
        const std::uint64_t seen = __atomic_load_n(words + index, __ATOMIC_RELAXED);
        const bool whole = seen == make_record(record_owner(seen), index, record_epoch(seen), seed);
        torn_ += whole ? 0 : 1;
      }
      words_ += count;
      ++sweeps_;
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> torn_{0};
  std::atomic<std::uint64_t> words_{0};
  std::atomic<std::uint64_t> sweeps_{0};
  std::thread thread_;  // last: it uses all of the above
};

void add(const WordCounts& more, WordCounts& sum) {
  sum.total += more.total;
  sum.device += more.device;
  sum.second_device += more.second_device;
  sum.process_final += more.process_final;
  sum.torn += more.torn;
}

void require(int error, const char* what) {
  errno = error;
  throw_if(error != 0, what);
}

std::unique_ptr<Actor> make_attached(std::string_view name, std::span<std::byte> memory) {
  if (name.empty()) return nullptr;
  std::unique_ptr<Actor> actor = find_actor(name)->make();
  actor->attach(memory, Direction::kDeviceWrites);
  return actor;
}

/// Whether the actor reads what the process sees, now that nobody writes.
bool agrees(Actor* actor, std::span<const std::byte> memory) {
  if (actor == nullptr || !actor->reads_back()) return true;
  std::vector<std::byte> read(memory.size());
  require(actor->read(read), "reading back");
  return std::ranges::equal(read, memory);
}

TogetherResult run_with_cpu(const TogetherRow& row, std::uint64_t seed) {
  TogetherResult result;
  Region region({});
  write_words(region.used(), Writer::kProcess, kInitialEpoch, seed);
  const std::int64_t enter_ns = raw_clock_ns();
  const std::unique_ptr<Actor> first = make_attached(row.first, region.used());
  result.attach_ns = static_cast<double>(raw_clock_ns() - enter_ns);
  const std::unique_ptr<Actor> second = make_attached(row.second, region.used());
  std::vector<std::byte> data(kUsedBytes);
  std::vector<std::byte> second_data(kUsedBytes);
  write_words(data, Writer::kDevice, kFinalEpoch, seed);
  write_words(second_data, Writer::kSecondDevice, kFinalEpoch, seed);

  BusyCpu cpu(region.used(), seed);
  const auto look = [&] { add(count_words(region.used(), seed), result.race_words); };
  const auto transfer = [&] {
    for (std::uint64_t i = 0; i < kTransfersPerPhase; ++i) {
      require(first->write(data), "transfer of the first actor");
      look();
    }
    result.device_transfers += kTransfersPerPhase;
    cpu.await_sweeps(1);
  };
  transfer();
  Child child(region.address(), kUsedBytes, seed);
  result.fork_ns = static_cast<double>(child.fork_ns());
  transfer();
  if (second != nullptr) require(second->write(second_data), "transfer of the second actor");
  look();
  transfer();
  cpu.stop();
  // Whether all still mean the same page must not hang on who came last.
  require(first->write(data), "transfer of the first actor");
  const WordCounts last_words = count_words(region.used(), seed);
  result.torn_seen_by_cpu = cpu.torn();
  const ChildReport seen_by_child = child.scan();
  Observation seen;
  seen.child = seen_by_child;
  seen.child_first = child.first_report();
  result.words_changed_in_child = words_changed_in_child(seen);
  result.words_checked =
      cpu.words() + result.race_words.total + last_words.total + seen_by_child.words.total;
  const bool all_agree = agrees(first.get(), region.used()) && agrees(second.get(), region.used());
  if (result.torn_seen_by_cpu + result.race_words.torn + last_words.torn +
          seen_by_child.words.torn >
      0) {
    result.outcome = Outcome::kTorn;
  } else if (result.words_changed_in_child > 0) {
    result.outcome = Outcome::kReachesChild;
  } else if (!all_agree || last_words.device != last_words.total) {
    result.outcome = Outcome::kOrphan;
  }
  return result;
}

constexpr std::array kTable = {
    TogetherRow{.name = "together_fork",
                .summary = "a CPU works on a fixed buffer that io_uring reads into, over a fork",
                .first = "io_uring_fixed",
                .second = "",
                .run = run_with_cpu},
    TogetherRow{.name = "together_direct",
                .summary = "the same, and an O_DIRECT read into the page ends after the fork",
                .first = "io_uring_fixed",
                .second = "direct_aio_held",
                .run = run_with_cpu},
    TogetherRow{.name = "together_process_vm",
                .summary = "the same, and process_vm_writev after the fork",
                .first = "io_uring_fixed",
                .second = "process_vm",
                .run = run_with_cpu},
};
}  // namespace

std::span<const TogetherRow> together_rows() { return kTable; }

const TogetherRow* find_together(std::string_view name) {
  for (const TogetherRow& row : kTable) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace notifier::pin
