// SPDX-License-Identifier: MIT
// The ioctls of /dev/kvm that the engine needs. Implemented in C: Debian 12's linux/kvm.h declares
// flexible arrays through an empty structure, which has a size in C++, so that structures and with
// them the numbers of ioctls come out wrong there.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Where a vCPU begins: 64-bit mode, privileged, interrupts off.
struct kvm_start {
  uint64_t page_table_root;  // guest-physical
  uint64_t gdt;              // guest-virtual, as all that follows
  uint64_t idt;
  uint64_t task_state;
  uint64_t gs_base;
};

struct kvm_registers {
  uint64_t rax, rsi, rdi, rsp, rip, rflags;
};

enum kvm_exit_kind {
  KVM_CALLS_EXIT_HALT,
  KVM_CALLS_EXIT_PORT,         // `port` was written
  KVM_CALLS_EXIT_NO_MEMORY,    // guest-physical `address` has no usable memory
  KVM_CALLS_EXIT_INTERRUPTED,  // a signal, or immediate_exit
  KVM_CALLS_EXIT_OTHER,        // `reason` is the kernel's number
};

struct kvm_exit_report {
  enum kvm_exit_kind kind;
  uint32_t reason;
  uint16_t port;
  uint64_t address;
  int address_known;
  int is_write;
};

// All return 0 or a value that is not negative, or -errno.
int kvm_calls_open(void);
int kvm_calls_create_machine(int kvm);
int kvm_calls_slot_limit(int kvm);
int kvm_calls_run_bytes(int kvm);
int kvm_calls_set_slot(int machine, uint32_t slot, uint64_t guest_physical, uint64_t host,
                       uint64_t size_bytes);  // size 0 deletes
int kvm_calls_create_vcpu(int kvm, int machine, unsigned index);
int kvm_calls_start(int vcpu, const struct kvm_start* start);
int kvm_calls_get_registers(int vcpu, struct kvm_registers* registers);
int kvm_calls_set_registers(int vcpu, const struct kvm_registers* registers);
int kvm_calls_fault_address(int vcpu, uint64_t* address);  // CR2

// Lets the guest read the host's time-stamp counter. The offset is an attribute from Linux 5.16 on.
int kvm_calls_use_host_counter(int vcpu);

// Runs until something happens; `run` is the vCPU's shared page.
int kvm_calls_run(int vcpu, void* run, struct kvm_exit_report* report);
void kvm_calls_request_exit(void* run);

#ifdef __cplusplus
}
#endif
