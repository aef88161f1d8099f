// SPDX-License-Identifier: MIT
// Why pageout of memory that a vCPU uses is skipped under Linux 6.1. There MADV_PAGEOUT clears the
// accessed bits of the process's page table itself, without a notifier, and then lets vmscan look
// for them (mm/madvise.c madvise_cold_or_pageout_pte_range(), mm/vmscan.c
// folio_check_references()); vmscan asks the secondary MMU too, finds the vCPU's bit, clears it and
// keeps the page. "mm: madvise: pageout: ignore references rather than clearing young" (2024,
// before 6.12) has vmscan ask nobody.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>

#include "softgpu/kvm/counter.hpp"
#include "softgpu/kvm/guest_image.hpp"
#include "softgpu/kvm/machine.hpp"
#include "softgpu/kvm/vcpu.hpp"
#include "tests/kvm/counter.hpp"

namespace softgpu_test {
namespace {

using softgpu::kvm::find_guest_kernel;
using softgpu::kvm::guest_image;
using softgpu::kvm::Machine;
using softgpu::kvm::Vcpu;

constexpr std::size_t kPage = 4096;

bool has_swap() {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);
  return static_cast<bool>(std::getline(swaps, line));
}

std::pair<long, long> kernel_version() {
  utsname names{};
  uname(&names);
  char* rest = nullptr;
  const long major = std::strtol(names.release, &rest, 10);
  return {major, *rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0};
}

/// Documentation/admin-guide/mm/pagemap.rst: bit 62 of a page's entry.
bool is_swapped(const char* page) {
  constexpr std::uint64_t kSwapped = 1ull << 62;
  std::uint64_t entry = 0;
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  const auto place = reinterpret_cast<std::uintptr_t>(page) / kPage * sizeof(entry);
  EXPECT_EQ(pread(pagemap, &entry, sizeof(entry), static_cast<off_t>(place)),
            static_cast<ssize_t>(sizeof(entry)));
  close(pagemap);
  return (entry & kSwapped) != 0;
}

/// New pages stay in per-CPU batches, where MADV_PAGEOUT does not find them (harness, pageout).
void empty_page_batches() {
  alignas(kPage) static char page[kPage];
  syscall(SYS_mbind, page, sizeof(page), MPOL_DEFAULT, nullptr, 0UL, MPOL_MF_MOVE);
}

bool page_out(char* page) {
  empty_page_batches();
  EXPECT_EQ(madvise(page, kPage, MADV_PAGEOUT), 0);
  return is_swapped(page);
}

/// A vCPU counts in the word, a few rounds, and has ended.
void let_a_vcpu_count(Machine& machine, std::uint64_t* word, CounterBoard* board) {
  std::string problem;
  const auto vcpu = Vcpu::make(machine, 0, problem);
  ASSERT_NE(vcpu, nullptr) << problem;
  std::thread thread([&] {
    const CounterArguments arguments{word, board};
    EXPECT_FALSE(vcpu->run({.entry = find_guest_kernel(guest_image(), "counter_kernel"),
                            .arguments = &arguments,
                            .arguments_bytes = sizeof(arguments),
                            .wave_index = 0,
                            .wave_count = 1},
                           [] {}));
  });
  while (__atomic_load_n(&board->rounds, __ATOMIC_ACQUIRE) < 3) std::this_thread::yield();
  __atomic_store_n(&board->stop, 1, __ATOMIC_RELEASE);
  thread.join();
}

char* map_pages(std::size_t count, int kind) {
  void* memory = mmap(nullptr, count * kPage, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(memory, MAP_FAILED);
  return static_cast<char*>(memory);
}

TEST(Pageout, KeepsWhatAVcpuHasAccessedUntilItIsAskedAgainBefore2024) {
  if (!has_swap()) GTEST_SKIP() << "no swap";
  if (!softgpu::kvm::cpu_virtualises()) GTEST_SKIP() << "an emulated vCPU has no page table";
  std::string problem;
  const auto machine = Machine::make(guest_image(), {}, problem);
  if (machine == nullptr) GTEST_SKIP() << problem;
  char* pages = map_pages(2, MAP_PRIVATE);
  auto* board = reinterpret_cast<CounterBoard*>(map_pages(1, MAP_SHARED));
  char* const of_vcpu = pages;
  char* const of_cpu = pages + kPage;
  ASSERT_EQ(machine->add_memory(reinterpret_cast<std::uintptr_t>(pages), 2 * kPage), "");
  ASSERT_EQ(machine->add_memory(reinterpret_cast<std::uintptr_t>(board), kPage), "");
  *of_cpu = 1;
  let_a_vcpu_count(*machine, reinterpret_cast<std::uint64_t*>(of_vcpu), board);

  EXPECT_TRUE(page_out(of_cpu));
  const bool at_once = page_out(of_vcpu);
  if (kernel_version() < std::pair{6L, 8L}) {
    EXPECT_FALSE(at_once);
  } else if (kernel_version() >= std::pair{6L, 12L}) {
    EXPECT_TRUE(at_once);
  }
  // Nobody has accessed it since: the bit that kept it is gone.
  EXPECT_TRUE(at_once || page_out(of_vcpu));
  EXPECT_EQ(*reinterpret_cast<std::uint64_t*>(of_vcpu), board->rounds);
  munmap(pages, 2 * kPage);
  munmap(board, kPage);
}

}  // namespace
}  // namespace softgpu_test
