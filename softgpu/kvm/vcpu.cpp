// SPDX-License-Identifier: MIT
#include "softgpu/kvm/vcpu.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "softgpu/core/report.hpp"
#include "softgpu/kvm/kvm_calls.h"

namespace softgpu::kvm {
namespace {

/// AMD APM vol. 2, 8.9.3: what the CPU pushes before the first instruction of a handler.
struct ExceptionFrame {
  std::uint64_t error;
  std::uint64_t rip;
  std::uint64_t cs;
  std::uint64_t rflags;
  std::uint64_t rsp;
  std::uint64_t ss;
};
constexpr std::uint64_t kPageFaultWrite = 2;
constexpr std::uint64_t kInitialFlags = 2;  // the bit that is always set
constexpr std::size_t kFaultStackOffsetInTaskState = 0x24;

constexpr std::array<unsigned char, 3> kStore = {0x48, 0x89, 0x06};  // mov %rax, (%rsi)

std::string kernel_error(const char* what, int error) {
  return std::string(what) + ": " + std::strerror(-error);
}

}  // namespace

std::unique_ptr<Vcpu> Vcpu::make(Machine& machine, std::uint32_t index, std::string& problem) {
  std::unique_ptr<Vcpu> vcpu(new Vcpu(machine));
  problem = vcpu->open(index);
  return problem.empty() ? std::move(vcpu) : nullptr;
}

Vcpu::~Vcpu() {
  if (run_ != nullptr) {
    munmap(run_, run_bytes_);
  }
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

std::string Vcpu::open(std::uint32_t index) {
  if (index >= kMostVcpus) {
    return "no more than " + std::to_string(kMostVcpus) + " vCPUs";
  }
  descriptor_ = kvm_calls_create_vcpu(machine_.kvm(), machine_.descriptor(), index);
  if (descriptor_ < 0) {
    return kernel_error("KVM_CREATE_VCPU", descriptor_);
  }
  const int run_bytes = kvm_calls_run_bytes(machine_.kvm());
  run_bytes_ = run_bytes > 0 ? static_cast<std::size_t>(run_bytes) : 0;
  void* shared = mmap(nullptr, run_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (shared == MAP_FAILED) {
    return kernel_error("mmap of a vCPU", -errno);
  }
  run_ = shared;
  const std::uint64_t offset = kVcpusOffset + index * kVcpuBytes;
  own_ = machine_.own_memory() + offset;
  own_virtual_ = kOwnVirtual + offset;
  const std::uint64_t fault_stack = own_virtual_ + kFaultStackEnd;
  std::memcpy(own_ + kTaskStateOffset + kFaultStackOffsetInTaskState, &fault_stack,
              sizeof(fault_stack));
  const kvm_start start = {.page_table_root = machine_.page_table_root(),
                           .gdt = kOwnVirtual + kGdtOffset,
                           .idt = kOwnVirtual + kIdtOffset,
                           .task_state = own_virtual_ + kTaskStateOffset,
                           .gs_base = own_virtual_};
  int status = kvm_calls_start(descriptor_, &start);
  if (status < 0) {
    return kernel_error("KVM_SET_SREGS", status);
  }
  status = kvm_calls_use_host_counter(descriptor_);
  return status < 0 ? kernel_error(
                          "the guest cannot have the host's time-stamp counter "
                          "(KVM_VCPU_TSC_OFFSET, Linux 5.16 or newer)",
                          status)
                    : std::string();
}

void Vcpu::prepare(const Launch& launch) {
  const CounterScale& scale = machine_.scale();
  const VcpuData data = {.wave_index = launch.wave_index,
                         .wave_count = launch.wave_count,
                         .counter_base = scale.counter_base,
                         .ticks_per_count = scale.ticks_per_count,
                         .clock_base = scale.clock_base};
  std::memcpy(own_, &data, sizeof(data));
  std::memcpy(own_ + kArgumentsOffset, launch.arguments, launch.arguments_bytes);
  const kvm_registers registers = {.rax = launch.entry,
                                   .rsi = 0,
                                   .rdi = own_virtual_ + kArgumentsOffset,
                                   .rsp = own_virtual_ + kStackEnd,
                                   .rip = machine_.image_start(),
                                   .rflags = kInitialFlags};
  if (const int status = kvm_calls_set_registers(descriptor_, &registers); status < 0) {
    fail("%s", kernel_error("KVM_SET_REGS", status).c_str());
  }
}

std::optional<AccessFault> Vcpu::run(const Launch& launch,
                                     const std::function<void()>& interrupted) {
  prepare(launch);
  for (;;) {
    kvm_exit_report report;
    if (const int status = kvm_calls_run(descriptor_, run_, &report); status < 0) {
      fail("%s", kernel_error("KVM_RUN", status).c_str());
    }
    switch (report.kind) {
      case KVM_CALLS_EXIT_HALT:
        return std::nullopt;
      case KVM_CALLS_EXIT_INTERRUPTED:
        interrupted();
        break;
      case KVM_CALLS_EXIT_NO_MEMORY:
        return find_fault(
            report.address_known != 0 ? machine_.virtual_address(report.address) : std::nullopt,
            report.is_write != 0);
      case KVM_CALLS_EXIT_PORT:
        if (const auto fault = serve_exception(report.port - kExceptionPort)) {
          return fault;
        }
        break;
      case KVM_CALLS_EXIT_OTHER:
        fail("a vCPU ended for reason %u (KVM_EXIT_*)", report.reason);
    }
  }
}

/// Page faults bring memory that the guest does not know yet; the kernel goes on at the access.
std::optional<AccessFault> Vcpu::serve_exception(unsigned vector) {
  kvm_registers registers;
  std::uint64_t address = 0;
  if (kvm_calls_get_registers(descriptor_, &registers) < 0 ||
      kvm_calls_fault_address(descriptor_, &address) < 0) {
    fail("the registers of a vCPU cannot be read");
  }
  const std::uint64_t offset = registers.rsp - own_virtual_;
  if (vector != kPageFaultVector || offset > kVcpuBytes - sizeof(ExceptionFrame)) {
    fail("exception %u in a kernel on a vCPU, instruction 0x%llx", vector,
         static_cast<unsigned long long>(registers.rip));
  }
  ExceptionFrame frame;
  std::memcpy(&frame, own_ + offset, sizeof(frame));
  const std::string problem =
      address >= kOwnVirtual ? kPageNotPresent : machine_.add_mapping_around(address);
  if (!problem.empty()) {
    if (problem != kPageNotPresent) {
      // The page is there, and the fault that follows would say that it is not.
      report("the virtual machine cannot reach 0x%llx: %s",
             static_cast<unsigned long long>(address), problem.c_str());
    }
    return AccessFault{address, (frame.error & kPageFaultWrite) != 0};
  }
  registers.rip = frame.rip;
  registers.rsp = frame.rsp;
  registers.rflags = frame.rflags;
  if (kvm_calls_set_registers(descriptor_, &registers) < 0) {
    fail("the registers of a vCPU cannot be written");
  }
  return std::nullopt;
}

/// Where KVM does not tell the address, the instruction does: every access is a move through rsi.
AccessFault Vcpu::find_fault(std::optional<std::uintptr_t> address, bool is_write) {
  if (address) {
    return {*address, is_write};
  }
  kvm_registers registers{};
  kvm_calls_get_registers(descriptor_, &registers);
  const std::uint64_t offset = registers.rip - kOwnVirtual;
  const bool stores =
      offset < kOwnBytes - kStore.size() &&
      std::memcmp(machine_.own_memory() + offset, kStore.data(), kStore.size()) == 0;
  return {registers.rsi, stores};
}

void Vcpu::stop() { kvm_calls_request_exit(run_); }

}  // namespace softgpu::kvm
