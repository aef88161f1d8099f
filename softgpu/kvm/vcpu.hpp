// SPDX-License-Identifier: MIT
// One vCPU: runs a kernel of the guest image on the calling thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "softgpu/kvm/guest/guest_layout.hpp"
#include "softgpu/kvm/machine.hpp"

namespace softgpu::kvm {

/// An access of a kernel that cannot be served.
struct AccessFault {
  std::uintptr_t address;
  bool is_write;
};

struct Launch {
  std::uint64_t entry;  // find_guest_kernel()
  const void* arguments;
  std::size_t arguments_bytes;  // kArgumentsBytes at most
  std::uint32_t wave_index;
  std::uint32_t wave_count;
};

class Vcpu {
 public:
  /// Null, and `problem` says why. `index` is the vCPU's own.
  static std::unique_ptr<Vcpu> make(Machine& machine, std::uint32_t index, std::string& problem);
  ~Vcpu();
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;

  /// Runs the kernel to its end. Returns the fault that ended it instead; the kernel is not resumed
  /// then. `interrupted` is called when a signal or stop() ends the vCPU's turn. Anything that
  /// neither kernel nor memory can explain ends the process.
  std::optional<AccessFault> run(const Launch& launch, const std::function<void()>& interrupted);

  /// Makes the vCPU leave the guest at its next turn and at each one after that; with a signal to
  /// its thread, now. From any thread.
  void stop();

 private:
  explicit Vcpu(Machine& machine) : machine_(machine) {}
  std::string open(std::uint32_t index);
  void prepare(const Launch& launch);
  std::optional<AccessFault> serve_exception(unsigned vector);
  AccessFault find_fault(std::optional<std::uintptr_t> address, bool is_write);

  Machine& machine_;
  int descriptor_ = -1;
  void* run_ = nullptr;
  std::size_t run_bytes_ = 0;
  unsigned char* own_ = nullptr;   // this vCPU's part of the machine's own memory
  std::uint64_t own_virtual_ = 0;  // the same for the guest
};

}  // namespace softgpu::kvm
