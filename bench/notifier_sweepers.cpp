// SPDX-License-Identifier: MIT
#include "bench/notifier_sweepers.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "softgpu/kvm/counter.hpp"
#include "softgpu/kvm/guest_image.hpp"

namespace notifier {
namespace {

using softgpu::kvm::AccessFault;
using softgpu::kvm::Machine;
using softgpu::kvm::Vcpu;

constexpr std::uint64_t kNsPerTick = 10;  // the device clock runs at 100 MHz
constexpr std::size_t kBoardBytes = 4096;

std::uint64_t read(const std::uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

// Not by spinning: where vCPUs are as many as CPUs, the host's thread would take one from them.
void pause_briefly() { usleep(50); }

SweepBoard* make_board() {
  void* memory =
      mmap(nullptr, kBoardBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory for a vCPU's board");
  return static_cast<SweepBoard*>(memory);
}

void throw_if_problem(const std::string& problem) {
  if (!problem.empty()) throw std::runtime_error(problem);
}

// A benchmark that goes on without its vCPU would report the cost of no device as that of one.
void sweep(Vcpu& vcpu, const SweepArguments& arguments, unsigned index, unsigned count) {
  const auto fault = vcpu.run(
      {.entry = softgpu::kvm::find_guest_kernel(softgpu::kvm::guest_image(), "notifier_sweep"),
       .arguments = &arguments,
       .arguments_bytes = sizeof(arguments),
       .wave_index = index,
       .wave_count = count},
      [] {});
  if (!fault) return;
  fmt::print(stderr, "vCPU {}: {} of {:#x} cannot be served\n", index,
             fault->is_write ? "a write" : "a read", fault->address);
  std::abort();
}

}  // namespace

Sweepers::Sweepers(unsigned machines, unsigned vcpus_each, void* memory, std::uint64_t size_bytes) {
  try {
    for (unsigned index = 0; index < machines; ++index) add_machine(vcpus_each, memory, size_bytes);
  } catch (...) {
    end();
    throw;
  }
}

Sweepers::~Sweepers() { end(); }

void Sweepers::add_machine(unsigned vcpus, void* memory, std::uint64_t size_bytes) {
  std::string problem;
  machines_.push_back(Machine::make(softgpu::kvm::guest_image(), {}, problem));
  throw_if_problem(problem);
  Machine& machine = *machines_.back();
  throw_if_problem(machine.add_memory(reinterpret_cast<std::uintptr_t>(memory), size_bytes));
  for (unsigned index = 0; index < vcpus; ++index) {
    Sweeper& sweeper = sweepers_.emplace_back();
    sweeper.vcpu = Vcpu::make(machine, index, problem);
    throw_if_problem(problem);
    sweeper.board = make_board();
    throw_if_problem(
        machine.add_memory(reinterpret_cast<std::uintptr_t>(sweeper.board), kBoardBytes));
    const SweepArguments arguments{sweeper.board, static_cast<std::uint64_t*>(memory),
                                   size_bytes / (kSweepPageWords * sizeof(std::uint64_t))};
    sweeper.thread = std::thread(
        [&vcpu = *sweeper.vcpu, arguments, index, vcpus] { sweep(vcpu, arguments, index, vcpus); });
  }
}

void Sweepers::end() {
  give(kSweepEnd);
  for (Sweeper& sweeper : sweepers_) {
    if (sweeper.thread.joinable()) sweeper.thread.join();
    if (sweeper.board != nullptr) munmap(sweeper.board, kBoardBytes);
  }
}

void Sweepers::wait(const std::function<bool(const SweepBoard&)>& ready) const {
  for (const Sweeper& sweeper : sweepers_) {
    if (!sweeper.thread.joinable()) continue;  // its machine could not be made whole
    while (!ready(*sweeper.board)) pause_briefly();
  }
}

void Sweepers::give(SweepOrder order) {
  ++orders_;
  for (Sweeper& sweeper : sweepers_) {
    if (sweeper.board == nullptr) continue;
    sweeper.board->order = order;
    __atomic_store_n(&sweeper.board->order_number, orders_, __ATOMIC_RELEASE);
  }
  wait([&](const SweepBoard& board) { return read(board.acknowledged) == orders_; });
}

void Sweepers::wait_round() const {
  std::vector<std::uint64_t> targets;
  for (const Sweeper& sweeper : sweepers_) targets.push_back(read(sweeper.board->passes) + 2);
  for (std::size_t index = 0; index < sweepers_.size(); ++index) {
    while (read(sweepers_[index].board->passes) < targets[index]) pause_briefly();
  }
}

std::uint64_t Sweepers::longest_gap_ns() const {
  std::uint64_t longest = 0;
  for (const Sweeper& sweeper : sweepers_) {
    longest = std::max(longest, read(sweeper.board->longest_gap_ticks) * kNsPerTick);
  }
  return longest;
}

std::string why_no_secondary_mmu() {
  std::string problem;
  const auto machine = Machine::make(softgpu::kvm::guest_image(), {}, problem);
  return machine == nullptr ? problem : std::string();
}

bool kvm_emulates() { return !softgpu::kvm::cpu_virtualises(); }

}  // namespace notifier
