// SPDX-License-Identifier: MIT
// guest_helper hold: keeps a virtual machine with one vCPU until it is ended. Linux switches
// preempt notifiers on with the first machine and off with the last by patching __schedule(), and
// QEMU 7.2 can execute the breakpoint of such a patch after it is gone: an emulated kernel panics.
// With this in the background nothing is patched. guest_helper counter-khz: frequency of this
// machine's time-stamp counter, which QEMU's emulation hands on to its guest. A kernel that
// measures it while QEMU's threads wait for a CPU can be wrong by a factor of twenty.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "softgpu/kvm/kvm_calls.h"

#define EXIT_USAGE 2
#define EXIT_CANNOT_RUN 77
#define CALIBRATION_NS 300000000ull

struct pair {
  uint64_t counter;
  uint64_t clock_ns;
};

// Both clocks at one moment: of some tries the one that took least.
static struct pair read_pair(void) {
  struct pair best = {0, 0};
  uint64_t shortest = UINT64_MAX;
  for (int attempt = 0; attempt < 64; ++attempt) {
    struct timespec now;
    const uint64_t before = __rdtsc();
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    const uint64_t after = __rdtsc();
    if (after - before < shortest) {
      shortest = after - before;
      best.counter = before + (after - before) / 2;
      best.clock_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
    }
  }
  return best;
}

static int print_counter_khz(void) {
  const struct pair first = read_pair();
  const struct timespec pause_time = {0, (long)CALIBRATION_NS};
  nanosleep(&pause_time, NULL);
  const struct pair last = read_pair();
  printf("%" PRIu64 "\n",
         (last.counter - first.counter) * 1000000 / (last.clock_ns - first.clock_ns));
  return 0;
}

static int give_up(const char* what, int error) {
  fprintf(stderr, "guest_helper: %s: %s\n", what, strerror(-error));
  return EXIT_CANNOT_RUN;
}

static int hold_machine(void) {
  const int kvm = kvm_calls_open();
  if (kvm < 0) {
    return give_up("/dev/kvm cannot be used", kvm);
  }
  const int machine = kvm_calls_create_machine(kvm);
  if (machine < 0) {
    return give_up("/dev/kvm makes no virtual machine", machine);
  }
  const int vcpu = kvm_calls_create_vcpu(kvm, machine, 0);
  if (vcpu < 0) {
    return give_up("KVM_CREATE_VCPU", vcpu);
  }
  puts("guest_helper: a virtual machine is kept");
  fflush(stdout);
  for (;;) {
    pause();
  }
}

int main(int count, char** arguments) {
  if (count == 2 && strcmp(arguments[1], "hold") == 0) {
    return hold_machine();
  }
  if (count == 2 && strcmp(arguments[1], "counter-khz") == 0) {
    return print_counter_khz();
  }
  fputs("Usage: guest_helper hold|counter-khz\n", stderr);
  return EXIT_USAGE;
}
