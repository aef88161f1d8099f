// SPDX-License-Identifier: MIT
// A vCPU on this process's memory: its page tables are the kernel's, kept by MMU notifiers.
#include "softgpu/kvm/machine.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "softgpu/kvm/guest_image.hpp"
#include "softgpu/kvm/vcpu.hpp"
#include "tests/kvm/counter.hpp"

namespace softgpu_test {
namespace {

using softgpu::kvm::AccessFault;
using softgpu::kvm::find_guest_kernel;
using softgpu::kvm::guest_image;
using softgpu::kvm::Machine;
using softgpu::kvm::Vcpu;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSize = 16 * kPage;

class VcpuTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string problem;
    machine_ = Machine::make(guest_image(), {}, problem);
    if (machine_ == nullptr) {
      GTEST_SKIP() << problem;
    }
    vcpu_ = Vcpu::make(*machine_, 0, problem);
    ASSERT_NE(vcpu_, nullptr) << problem;
    board_ = reinterpret_cast<CounterBoard*>(map(kPage, MAP_SHARED));
    data_ = map(kSize, MAP_PRIVATE);
    ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(board_), kPage), "");
  }

  void TearDown() override {
    if (thread_.joinable()) {
      stop();
    }
    if (machine_ != nullptr) {
      munmap(data_, kSize);
      munmap(board_, kPage);
    }
  }

  static char* map(std::size_t size, int kind) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    return static_cast<char*>(memory);
  }

  /// Starts counting in the given word.
  void start(void* word) {
    word_ = static_cast<std::uint64_t*>(word);
    thread_ = std::thread([this] {
      const CounterArguments arguments{word_, board_};
      fault_ = vcpu_->run({.entry = find_guest_kernel(guest_image(), "counter_kernel"),
                           .arguments = &arguments,
                           .arguments_bytes = sizeof(arguments),
                           .wave_index = 0,
                           .wave_count = 3},
                          [] {});
      ended_.store(true);
    });
  }

  std::uint64_t read(const std::uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

  /// Until the kernel has begun and ended `rounds` more rounds, or has ended.
  void wait_rounds(std::uint64_t rounds) {
    const std::uint64_t target = read(board_->rounds) + rounds + 1;
    while (read(board_->rounds) < target && !ended_.load()) {
      std::this_thread::yield();
    }
  }

  std::optional<AccessFault> stop() {
    __atomic_store_n(&board_->stop, 1, __ATOMIC_RELEASE);
    thread_.join();
    return fault_;
  }

  std::optional<AccessFault> wait_for_end() {
    thread_.join();
    return fault_;
  }

  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Vcpu> vcpu_;
  CounterBoard* board_ = nullptr;
  char* data_ = nullptr;
  std::uint64_t* word_ = nullptr;
  std::thread thread_;
  std::optional<AccessFault> fault_;
  std::atomic<bool> ended_{false};
};

TEST_F(VcpuTest, CountsInTheProcessesMemory) {
  ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(data_), kSize), "");
  start(data_ + 5 * kPage);
  wait_rounds(10);
  EXPECT_FALSE(stop());
  EXPECT_EQ(*word_, board_->rounds);
  EXPECT_EQ(board_->wave_count, 3U);
}

TEST_F(VcpuTest, TheDeviceClockIsTheHosts) {
  ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(data_), kSize), "");
  start(data_);
  wait_rounds(1);
  const std::uint64_t before = machine_->clock_ticks();
  wait_rounds(2);
  const std::uint64_t between = read(board_->clock_ticks);
  const std::uint64_t after = machine_->clock_ticks();
  EXPECT_FALSE(stop());
  EXPECT_LE(before, between);
  EXPECT_LE(between, after);
}

TEST_F(VcpuTest, ForkLeavesTheDeviceWithTheParent) {
  ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(data_), kSize), "");
  start(data_);
  wait_rounds(5);
  int orders[2];
  ASSERT_EQ(pipe(orders), 0);
  const pid_t child = fork();
  if (child == 0) {
    // The word of the fork's moment, and nothing that the device writes from then on.
    const std::uint64_t inherited = __atomic_load_n(word_, __ATOMIC_RELAXED);
    char order = 0;
    const bool asked = ::read(orders[0], &order, 1) == 1;
    _exit(asked && inherited >= 5 && __atomic_load_n(word_, __ATOMIC_RELAXED) == inherited ? 0 : 1);
  }
  ASSERT_GT(child, 0);
  wait_rounds(10);
  const std::uint64_t seen = read(*word_);
  wait_rounds(2);
  EXPECT_GT(read(*word_), seen);  // the parent sees the device's writes
  ASSERT_EQ(write(orders[1], "", 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(stop());
  EXPECT_EQ(*word_, board_->rounds);  // no increment is lost
  close(orders[0]);
  close(orders[1]);
}

TEST_F(VcpuTest, DontneedStartsTheCounterAgain) {
  ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(data_), kSize), "");
  start(data_);
  wait_rounds(20);
  // A page that goes between the load and the store of one increment does not lower the counter.
  for (int tries = 0; tries < 20 && read(*word_) + 2 >= read(board_->rounds); ++tries) {
    ASSERT_EQ(madvise(data_, kSize, MADV_DONTNEED), 0);
    wait_rounds(2);
  }
  EXPECT_FALSE(stop());
  EXPECT_GE(*word_, 1U);
  EXPECT_LT(*word_, board_->rounds);
}

TEST_F(VcpuTest, MemoryThatNobodyAnnouncedIsFoundOnDemand) {
  start(data_ + 2 * kPage);
  wait_rounds(3);
  // What lies there afterwards is found too: the mapping's place stays known.
  ASSERT_EQ(
      mmap(data_, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
      data_);
  wait_rounds(3);
  EXPECT_FALSE(stop());
  EXPECT_GE(*word_, 1U);
}

TEST_F(VcpuTest, UnmappedMemoryIsAFaultWithItsAddress) {
  ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(data_), kSize), "");
  start(data_ + 24);
  wait_rounds(3);
  ASSERT_EQ(mprotect(data_, kSize, PROT_NONE), 0);
  const std::optional<AccessFault> fault = wait_for_end();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->address, reinterpret_cast<std::uintptr_t>(data_ + 24));
}

TEST_F(VcpuTest, AddressesWithoutAnyMappingAreAFault) {
  auto* nowhere = reinterpret_cast<std::uint64_t*>(0x10);
  start(nowhere);
  const std::optional<AccessFault> fault = wait_for_end();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->address, 0x10U);
  EXPECT_FALSE(fault->is_write);
}

TEST_F(VcpuTest, WritingToReadOnlyMemoryIsAFault) {
  ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(data_), kSize), "");
  start(data_ + kPage);
  wait_rounds(3);
  ASSERT_EQ(mprotect(data_, kSize, PROT_READ), 0);
  const std::optional<AccessFault> fault = wait_for_end();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->address, reinterpret_cast<std::uintptr_t>(data_ + kPage));
  EXPECT_TRUE(fault->is_write);
}

TEST_F(VcpuTest, RemovedMemoryIsFoundAnewByAnotherWay) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data_);
  ASSERT_EQ(machine_->add_memory(begin, kSize), "");
  start(data_);
  wait_rounds(3);
  EXPECT_FALSE(stop());
  machine_->remove_memory(begin, kSize);
  __atomic_store_n(&board_->stop, 0, __ATOMIC_RELEASE);
  ended_.store(false);
  const std::uint64_t before = *word_;
  board_->rounds = 0;
  start(data_);
  wait_rounds(3);
  EXPECT_FALSE(stop());
  EXPECT_EQ(*word_, before + board_->rounds);
}

TEST_F(VcpuTest, AReplacedPageIsAStaleCopy) {
  ASSERT_EQ(machine_->add_memory(reinterpret_cast<std::uintptr_t>(data_), kSize), "");
  char* copy = map(kPage, MAP_PRIVATE);
  ASSERT_EQ(machine_->replace_page(reinterpret_cast<std::uintptr_t>(data_),
                                   reinterpret_cast<std::uintptr_t>(copy)),
            "");
  start(data_);
  wait_rounds(3);
  EXPECT_FALSE(stop());
  EXPECT_EQ(*word_, 0U);
  EXPECT_EQ(*reinterpret_cast<std::uint64_t*>(copy), board_->rounds);
  munmap(copy, kPage);
}

TEST(Machine, SaysWhenItsSlotsAreUsedUp) {
  std::string problem;
  const auto machine = Machine::make(guest_image(), {.slot_limit = 3}, problem);
  if (machine == nullptr) {
    GTEST_SKIP() << problem;
  }
  alignas(kPage) static char memory[4 * kPage];
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  EXPECT_EQ(machine->add_memory(begin, kPage), "");
  EXPECT_EQ(machine->add_memory(begin + kPage, kPage), "");
  EXPECT_EQ(machine->add_memory(begin + 2 * kPage, kPage),
            "all 3 memory slots of the virtual machine are in use");
  machine->remove_memory(begin, kPage);
  EXPECT_EQ(machine->add_memory(begin + 2 * kPage, kPage), "");
}

TEST(Machine, SaysWhatADeviceThatCannotBeOpenedNeeds) {
  using softgpu::kvm::why_no_kvm;
  const auto tells = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(tells(why_no_kvm(-EACCES, true), "Permission denied (this user may not open it"));
  EXPECT_TRUE(tells(why_no_kvm(-ENOENT, true), "load kvm_amd or kvm_intel"));
  EXPECT_TRUE(tells(why_no_kvm(-ENOENT, false), "neither SVM nor VMX"));
  EXPECT_TRUE(tells(why_no_kvm(-ENOENT, false), "nested=1"));
  EXPECT_TRUE(tells(why_no_kvm(-ENOTSUP, true), "is not KVM"));
}

TEST(Machine, RefusesWhatIsNoGuestImage) {
  std::string problem;
  EXPECT_EQ(Machine::make({}, {}, problem), nullptr);
  EXPECT_FALSE(problem.empty());
}

}  // namespace
}  // namespace softgpu_test
