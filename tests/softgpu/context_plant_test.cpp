// SPDX-License-Identifier: MIT
// Planted damage to what a preempted wave holds: a kernel with words in registers and in local
// memory finds it there, and of the kind that the plant's name says.
#include <hip/hip_runtime.h>
#include <sched.h>
#include <sys/mman.h>

#include <cstdio>

#include "device_primitives.hpp"
#include "process_test.hpp"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 4 * kPage;

/// Words that the kernel and the test share.
struct HeldControl {
  std::uint64_t stop;
  std::uint64_t passes;
  std::uint64_t wrong_registers;
  std::uint64_t wrong_local;
  std::uint64_t observed;  // the last one that was wrong
  std::uint64_t expected;
};

struct HeldArguments {
  HeldControl* control;
};

/// Both halves of a word say in which pass it was left.
std::uint64_t held_word(std::uint64_t pass) { return pass << 32 | pass; }

class Holder {
 public:
  explicit Holder(HeldControl* control) : control_(control) {
    notifier::device::held_from_here_on(registers_);
  }

  void run() {
    using namespace notifier::device;
    std::uint64_t pass = 1;
    renew(pass);
    while (load_acquire(&control_->stop) == 0) {
      for (std::uint64_t& word : registers_) {
        hold(word);
        compare(word, pass, &control_->wrong_registers, wrong_registers_);
      }
      for (std::uint64_t index = 0; index < kLocalWords; ++index) {
        compare(load_local(local_.words() + index), pass, &control_->wrong_local, wrong_local_);
      }
      renew(++pass);
      store(&control_->passes, pass);
    }
  }

 private:
  static constexpr std::uint64_t kRegisterWords = 3;
  static constexpr std::uint64_t kLocalWords = 5;

  void renew(std::uint64_t pass) {
    for (std::uint64_t& word : registers_) {
      word = held_word(pass);
    }
    for (std::uint64_t index = 0; index < kLocalWords; ++index) {
      notifier::device::store_local(local_.words() + index, held_word(pass));
    }
  }

  void compare(std::uint64_t observed, std::uint64_t pass, std::uint64_t* shown,
               std::uint64_t& count) {
    using namespace notifier::device;
    if (observed != held_word(pass)) {
      store(&control_->observed, observed);
      store(&control_->expected, held_word(pass));
      store(shown, ++count);
    }
  }

  HeldControl* control_;
  std::uint64_t wrong_registers_ = 0;
  std::uint64_t wrong_local_ = 0;
  std::uint64_t registers_[kRegisterWords] = {};
  notifier::device::LocalMemory<kLocalWords> local_;
};

__global__ void holding_kernel(HeldArguments arguments) { Holder(arguments.control).run(); }
NOTIFIER_KERNEL(holding_kernel, HeldArguments)

void wait_for_passes(const HeldControl& control, std::uint64_t more) {
  const std::uint64_t from = load_word(&control.passes);
  while (load_word(&control.passes) < from + more) {
    sched_yield();
  }
}

/// Five stops of a wave that holds words; whole passes lie between.
PROCESS_BODY(stop_a_wave_that_holds_words) {
  constexpr std::size_t kStops = 5;
  DriverLog log;
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  void* shared = nullptr;
  REQUIRE_HIP(hipHostMalloc(&shared, sizeof(HeldControl), hipHostMallocDefault));
  auto* control = new (shared) HeldControl{};
  hipStream_t stream = nullptr;
  REQUIRE_HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
  HeldArguments arguments{control};
  void* parameters[] = {&arguments};
  REQUIRE_HIP(hipLaunchKernel(reinterpret_cast<const void*>(&holding_kernel), dim3(1), dim3(1),
                              parameters, 0, stream));
  wait_for_passes(*control, 2);
  for (std::size_t stop = 1; stop <= kStops; ++stop) {
    REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
    log.wait_for("a", stop, " 50f7");
    wait_for_passes(*control, 2);
  }
  __atomic_store_n(&control->stop, 1, __ATOMIC_RELEASE);
  REQUIRE_HIP(hipStreamSynchronize(stream));
  const std::uint64_t expected = control->expected;
  const std::uint64_t upper = control->observed >> 32;
  const std::uint64_t lower = control->observed & 0xFFFFFFFF;
  std::printf("registers=%lu local=%lu zero=%d older=%d half=%d\n", control->wrong_registers,
              control->wrong_local, expected != 0 && control->observed == 0 ? 1 : 0,
              upper != 0 && upper == lower && lower < (expected & 0xFFFFFFFF) ? 1 : 0,
              upper != 0 && upper < lower && lower == (expected & 0xFFFFFFFF) ? 1 : 0);
}

std::string found_with(const std::string& plant) {
  const ProcessResult result =
      run_process("stop_a_wave_that_holds_words", {{"SOFTGPU_PLANT", plant}});
  expect_passed(result);
  return result.output;
}

TEST(ContextPlant, WithoutOneEverythingComesBack) {
  EXPECT_EQ(found_with(""), "registers=0 local=0 zero=0 older=0 half=0\n");
}

// From the second stop on, local memory and registers in turn.
TEST(ContextPlant, ZeroBringsNothingBack) {
  EXPECT_EQ(found_with("zero_context"), "registers=2 local=2 zero=1 older=0 half=0\n");
}

TEST(ContextPlant, LostBringsAnOlderWordBack) {
  EXPECT_EQ(found_with("lost_context"), "registers=2 local=2 zero=0 older=1 half=0\n");
}

TEST(ContextPlant, TornBringsHalfOfAnOlderWordBack) {
  EXPECT_EQ(found_with("torn_context"), "registers=2 local=2 zero=0 older=0 half=1\n");
}

}  // namespace
}  // namespace softgpu_test
