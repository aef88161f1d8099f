// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "softgpu/kvm/kvm_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

// Three pages below 4 GiB that Intel hosts without unrestricted guests keep for themselves
// (Documentation/virt/kvm/api.rst, KVM_SET_TSS_ADDR and KVM_SET_IDENTITY_MAP_ADDR).
#define IDENTITY_MAP_ADDRESS 0xFFFBC000ull
#define TSS_ADDRESS 0xFFFBD000ull

// include/uapi/linux/kvm.h from Linux 6.8 on.
#define EXIT_MEMORY_FAULT 39
#define MEMORY_FAULT_ADDRESS_OFFSET 8  // of gpa behind flags, in the exit's part of kvm_run

static int result(int value) { return value < 0 ? -errno : value; }

int kvm_calls_open(void) {
  const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) {
    return -errno;
  }
  return ioctl(kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION ? kvm : -ENOTSUP;
}

int kvm_calls_create_machine(int kvm) {
  const int machine = ioctl(kvm, KVM_CREATE_VM, 0);
  if (machine < 0) {
    return -errno;
  }
  // Only Intel hosts know these; where they fail nothing needs them.
  uint64_t identity_map = IDENTITY_MAP_ADDRESS;
  ioctl(machine, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
  ioctl(machine, KVM_SET_TSS_ADDR, TSS_ADDRESS);
  return machine;
}

int kvm_calls_slot_limit(int kvm) {
  return result(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS));
}

int kvm_calls_run_bytes(int kvm) { return result(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)); }

int kvm_calls_set_slot(int machine, uint32_t slot, uint64_t guest_physical, uint64_t host,
                       uint64_t size_bytes) {
  struct kvm_userspace_memory_region region = {.slot = slot,
                                               .guest_phys_addr = guest_physical,
                                               .memory_size = size_bytes,
                                               .userspace_addr = host};
  return result(ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region));
}

// The guest's CPU is the host's as far as KVM offers it: long mode and the width of physical
// addresses come from there.
static int copy_cpuid(int kvm, int vcpu) {
  enum { most_entries = 256 };
  struct kvm_cpuid2* cpuid =
      calloc(1, sizeof(*cpuid) + most_entries * sizeof(struct kvm_cpuid_entry2));
  if (cpuid == NULL) {
    return -ENOMEM;
  }
  cpuid->nent = most_entries;
  int status = result(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid));
  if (status >= 0) {
    status = result(ioctl(vcpu, KVM_SET_CPUID2, cpuid));
  }
  free(cpuid);
  return status;
}

int kvm_calls_create_vcpu(int kvm, int machine, unsigned index) {
  const int vcpu = ioctl(machine, KVM_CREATE_VCPU, (unsigned long)index);
  if (vcpu < 0) {
    return -errno;
  }
  const int status = copy_cpuid(kvm, vcpu);
  return status < 0 ? status : vcpu;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, uint8_t is_code) {
  return (struct kvm_segment){.limit = 0xFFFFFFFF,
                              .selector = selector,
                              .type = type,
                              .present = 1,
                              .db = !is_code,
                              .s = 1,
                              .l = is_code,
                              .g = 1};
}

int kvm_calls_start(int vcpu, const struct kvm_start* start) {
  struct kvm_sregs system;
  if (ioctl(vcpu, KVM_GET_SREGS, &system) < 0) {
    return -errno;
  }
  system.cs = segment(8, 11, 1);  // execute, read, accessed
  system.ds = system.es = system.fs = system.gs = system.ss = segment(16, 3, 0);
  system.gs.base = start->gs_base;
  system.tr = (struct kvm_segment){
      .base = start->task_state, .limit = 0x67, .selector = 24, .type = 11, .present = 1};
  system.gdt = (struct kvm_dtable){.base = start->gdt, .limit = 3 * 8 - 1};
  system.idt = (struct kvm_dtable){.base = start->idt, .limit = 256 * 16 - 1};
  system.cr3 = start->page_table_root;
  system.cr4 = 1 << 5;  // physical address extension
  system.cr0 = 1u | 1u << 1 | 1u << 4 | 1u << 5 | 1u << 16 | 1u << 31;  // PE MP ET NE WP PG
  system.efer = 1 << 8 | 1 << 10;                                       // long mode: on, active
  return result(ioctl(vcpu, KVM_SET_SREGS, &system));
}

int kvm_calls_get_registers(int vcpu, struct kvm_registers* registers) {
  struct kvm_regs all;
  if (ioctl(vcpu, KVM_GET_REGS, &all) < 0) {
    return -errno;
  }
  *registers = (struct kvm_registers){.rax = all.rax,
                                      .rsi = all.rsi,
                                      .rdi = all.rdi,
                                      .rsp = all.rsp,
                                      .rip = all.rip,
                                      .rflags = all.rflags};
  return 0;
}

int kvm_calls_set_registers(int vcpu, const struct kvm_registers* registers) {
  struct kvm_regs all;
  if (ioctl(vcpu, KVM_GET_REGS, &all) < 0) {
    return -errno;
  }
  all.rax = registers->rax;
  all.rsi = registers->rsi;
  all.rdi = registers->rdi;
  all.rsp = registers->rsp;
  all.rip = registers->rip;
  all.rflags = registers->rflags;
  return result(ioctl(vcpu, KVM_SET_REGS, &all));
}

int kvm_calls_fault_address(int vcpu, uint64_t* address) {
  struct kvm_sregs system;
  if (ioctl(vcpu, KVM_GET_SREGS, &system) < 0) {
    return -errno;
  }
  *address = system.cr2;
  return 0;
}

int kvm_calls_use_host_counter(int vcpu) {
  uint64_t offset = 0;
  const struct kvm_device_attr attribute = {.group = KVM_VCPU_TSC_CTRL,
                                            .attr = KVM_VCPU_TSC_OFFSET,
                                            .addr = (uint64_t)(uintptr_t)&offset};
  return result(ioctl(vcpu, KVM_SET_DEVICE_ATTR, &attribute));
}

static void describe(const struct kvm_run* run, struct kvm_exit_report* report) {
  report->reason = run->exit_reason;
  switch (run->exit_reason) {
    case KVM_EXIT_HLT:
      report->kind = KVM_CALLS_EXIT_HALT;
      break;
    case KVM_EXIT_IO:
      report->kind = KVM_CALLS_EXIT_PORT;
      report->port = run->io.port;
      break;
    case KVM_EXIT_MMIO:
      report->kind = KVM_CALLS_EXIT_NO_MEMORY;
      report->address = run->mmio.phys_addr;
      report->address_known = 1;
      report->is_write = run->mmio.is_write;
      break;
    default:
      report->kind = KVM_CALLS_EXIT_OTHER;
  }
}

int kvm_calls_run(int vcpu, void* shared, struct kvm_exit_report* report) {
  const struct kvm_run* run = shared;
  *report = (struct kvm_exit_report){.kind = KVM_CALLS_EXIT_OTHER};
  if (ioctl(vcpu, KVM_RUN, 0) >= 0) {
    describe(run, report);
    return 0;
  }
  const int error = errno;
  if (error == EINTR || error == EAGAIN) {
    report->kind = KVM_CALLS_EXIT_INTERRUPTED;
    return 0;
  }
  if (error != EFAULT) {
    return -error;
  }
  report->kind = KVM_CALLS_EXIT_NO_MEMORY;
  if (run->exit_reason == EXIT_MEMORY_FAULT) {
    const char* details = (const char*)&run->io;  // the exit's union begins here
    memcpy(&report->address, details + MEMORY_FAULT_ADDRESS_OFFSET, sizeof(report->address));
    report->address_known = 1;
  }
  return 0;
}

void kvm_calls_request_exit(void* run) {
  __atomic_store_n(&((struct kvm_run*)run)->immediate_exit, 1, __ATOMIC_SEQ_CST);
}
