// SPDX-License-Identifier: MIT
// Virtual machines whose vCPUs use a range of this process's memory: each machine is one secondary
// MMU, with a notifier and page tables of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/notifier_sweep.hpp"
#include "softgpu/kvm/machine.hpp"
#include "softgpu/kvm/vcpu.hpp"

namespace notifier {

class Sweepers {
 public:
  /// Throws std::runtime_error with the reason when there can be no such machines. The memory must
  /// stay mapped as long as the sweepers do not stay away.
  Sweepers(unsigned machines, unsigned vcpus_each, void* memory, std::uint64_t size_bytes);
  ~Sweepers();
  Sweepers(const Sweepers&) = delete;
  Sweepers& operator=(const Sweepers&) = delete;

  /// Returns when every vCPU obeys.
  void give(SweepOrder order);

  /// Until every vCPU has begun and ended a whole round since the call.
  void wait_round() const;

  /// The longest time in which some vCPU came from no page to the next since the last order.
  std::uint64_t longest_gap_ns() const;

 private:
  struct Sweeper {
    std::unique_ptr<softgpu::kvm::Vcpu> vcpu;
    SweepBoard* board = nullptr;
    std::thread thread;
  };
  void add_machine(unsigned vcpus, void* memory, std::uint64_t size_bytes);
  void end();
  void wait(const std::function<bool(const SweepBoard&)>& ready) const;

  std::vector<std::unique_ptr<softgpu::kvm::Machine>> machines_;
  std::vector<Sweeper> sweepers_;
  std::uint64_t orders_ = 0;
};

/// Empty where /dev/kvm gives page tables of a machine's own; else why not.
std::string why_no_secondary_mmu();

/// Whether /dev/kvm only emulates: then vCPUs use no page tables that a notifier could change.
bool kvm_emulates();

}  // namespace notifier
