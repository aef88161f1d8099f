// SPDX-License-Identifier: MIT
#include "bench/notifier_calls.hpp"

#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace notifier {
namespace {

constexpr std::size_t kPageBytes = 4096;
pid_t child = 0;
char* elsewhere = nullptr;
int node = 0;
std::vector<void*> page_addresses;
std::vector<int> page_nodes;
std::vector<int> page_states;

std::string always() { return {}; }

std::string needs_swap() {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);
  return std::getline(swaps, line) ? std::string() : "no swap device";
}

std::string needs_two_nodes() {
  return access("/sys/devices/system/node/node1", F_OK) == 0 ? std::string() : "one NUMA node only";
}

void nothing(const CallMemory&) {}

bool call_getpid(const CallMemory&) { return syscall(SYS_getpid) > 0; }

// The raw call: libc's handlers are no part of what mm does.
bool call_fork(const CallMemory&) {
  child = static_cast<pid_t>(syscall(SYS_fork));
  if (child == 0) _exit(0);
  return child > 0;
}
void reap(const CallMemory&) { waitpid(child, nullptr, 0); }

bool protect_read(const CallMemory& memory) {
  return mprotect(memory.begin, memory.size_bytes, PROT_READ) == 0;
}
bool protect_none(const CallMemory& memory) {
  return mprotect(memory.begin, memory.size_bytes, PROT_NONE) == 0;
}
void allow(const CallMemory& memory) {
  mprotect(memory.begin, memory.size_bytes, PROT_READ | PROT_WRITE);
}

bool call_dontneed(const CallMemory& memory) {
  return madvise(memory.begin, memory.size_bytes, MADV_DONTNEED) == 0;
}
bool call_pageout(const CallMemory& memory) {
  return madvise(memory.begin, memory.size_bytes, MADV_PAGEOUT) == 0;
}

// Pages stay in a batch of the CPU that touched them first, where MADV_PAGEOUT finds those of its
// own CPU only; an mbind that may move, of other memory, empties all (mm/mempolicy.c do_mbind,
// lru_cache_disable).
void empty_page_batches(const CallMemory&) {
  alignas(kPageBytes) static char page[kPageBytes];
  syscall(SYS_mbind, page, sizeof(page), MPOL_DEFAULT, nullptr, 0UL, MPOL_MF_MOVE);
}
std::uint64_t pages_swapped() {  // the machine's: the kernel counts no others
  std::ifstream counters("/proc/vmstat");
  std::string name;
  for (std::uint64_t value = 0; counters >> name >> value;) {
    if (name == "pswpout") return value;
  }
  return 0;
}

bool map_at(char* begin, std::size_t size_bytes, bool huge) {
  return mmap(begin, size_bytes, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED &&
         madvise(begin, size_bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0;
}
bool call_munmap(const CallMemory& memory) { return munmap(memory.begin, memory.size_bytes) == 0; }
void map_again(const CallMemory& memory) { map_at(memory.begin, memory.size_bytes, memory.huge); }

bool call_mremap(const CallMemory& memory) {
  // The place is a hint here, but it must be a page's: libc passes on whatever the register held.
  void* const anywhere = nullptr;
  void* moved = mremap(memory.begin, memory.size_bytes, memory.size_bytes,
                       MREMAP_MAYMOVE | MREMAP_DONTUNMAP, anywhere);
  elsewhere = moved == MAP_FAILED ? nullptr : static_cast<char*>(moved);
  return elsewhere != nullptr;
}
void drop_moved(const CallMemory& memory) { munmap(elsewhere, memory.size_bytes); }

bool call_move_pages(const CallMemory&) {
  return syscall(SYS_move_pages, 0, page_addresses.size(), page_addresses.data(), page_nodes.data(),
                 page_states.data(), MPOL_MF_MOVE) == 0;
}
// Of the pages on the wanted node (mm/migrate.c do_pages_move() says of each where it is): since
// the states are cleared before each call, the difference is the call's.
void clear_states(const CallMemory&) { std::fill(page_states.begin(), page_states.end(), -1); }
std::uint64_t pages_moved() {
  return static_cast<std::uint64_t>(std::count(page_states.begin(), page_states.end(), node));
}
void to_the_other_node(const CallMemory&) {
  node = 1 - node;
  std::fill(page_nodes.begin(), page_nodes.end(), node);
}

constexpr std::array kCalls = {
    MmCall{"getpid", "nothing: what a call and the noise of this machine cost", kSweepWrite, always,
           nothing, call_getpid, nothing, "no notifier"},
    MmCall{"fork", "raw fork, the child exits at once", kSweepWrite, always, nothing, call_fork,
           reap, "mm/memory.c copy_page_range, PROTECTION_PAGE over the mapping"},
    MmCall{"mprotect_read", "mprotect(PROT_READ); vCPUs read", kSweepRead, always, nothing,
           protect_read, allow, "mm/mprotect.c, PROTECTION_VMA"},
    MmCall{"mprotect_none", "mprotect(PROT_NONE); vCPUs stay away", kSweepAway, always, nothing,
           protect_none, allow, "mm/mprotect.c, PROTECTION_VMA"},
    MmCall{"dontneed", "madvise(MADV_DONTNEED); vCPUs write into zero pages", kSweepWrite, always,
           nothing, call_dontneed, nothing, "mm/memory.c zap_page_range_single, CLEAR"},
    MmCall{"munmap", "munmap; vCPUs stay away", kSweepAway, always, nothing, call_munmap, map_again,
           "mm/memory.c unmap_vmas, UNMAP"},
    MmCall{"mremap", "mremap(MREMAP_DONTUNMAP) to another place; vCPUs write into zero pages",
           kSweepWrite, always, nothing, call_mremap, drop_moved,
           "mm/mremap.c move_page_tables, UNMAP"},
    MmCall{"move_pages", "move_pages to the other NUMA node", kSweepWrite, needs_two_nodes,
           clear_states, call_move_pages, to_the_other_node,
           "mm/rmap.c try_to_migrate_one, CLEAR, once a page", pages_moved},
    MmCall{"pageout", "madvise(MADV_PAGEOUT); vCPUs read the pages back from swap", kSweepWrite,
           needs_swap, empty_page_batches, call_pageout, nothing,
           "mm/rmap.c try_to_unmap_one, CLEAR, once a page", pages_swapped},
};

}  // namespace

std::span<const MmCall> mm_calls() { return kCalls; }

CallMemory map_call_memory(std::size_t size_bytes, bool huge) {
  constexpr std::size_t kHugeBytes = 2u << 20;
  // Room to begin at a multiple of 2 MiB.
  void* room = mmap(nullptr, size_bytes + kHugeBytes, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) throw std::runtime_error("no address space for the memory");
  const auto first = reinterpret_cast<std::uintptr_t>(room);
  const std::uintptr_t begin = (first + kHugeBytes - 1) / kHugeBytes * kHugeBytes;
  const CallMemory memory{reinterpret_cast<char*>(begin), size_bytes, huge};
  if (begin > first) munmap(room, begin - first);
  if (begin < first + kHugeBytes) {
    munmap(memory.begin + size_bytes, first + kHugeBytes - begin);
  }
  if (!map_at(memory.begin, size_bytes, huge)) throw std::runtime_error("no memory");
  page_addresses.clear();
  for (std::size_t at = 0; at < size_bytes; at += kPageBytes) {
    page_addresses.push_back(memory.begin + at);
  }
  node = 1;
  page_nodes.assign(page_addresses.size(), node);
  page_states.assign(page_addresses.size(), 0);
  return memory;
}

void unmap_call_memory(const CallMemory& memory) { munmap(memory.begin, memory.size_bytes); }

void populate(const CallMemory& memory) {
  if (memory.huge) madvise(memory.begin, memory.size_bytes, MADV_DONTNEED);
  for (std::size_t at = 0; at < memory.size_bytes; at += kPageBytes) {
    // Not 0: Linux writes no page of zeros to swap (mm/page_io.c swap_zeromap_folio_set(), 6.12).
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(memory.begin + at), at + 1, __ATOMIC_RELAXED);
  }
}

std::string wrong_pages(const CallMemory& memory) {
  std::ifstream smaps("/proc/self/smaps");
  const std::string head = fmt::format("{:x}-", reinterpret_cast<std::uintptr_t>(memory.begin));
  std::size_t huge_kib = 0;
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find("-") < line.find(" ") && line.find(":") > line.find(" ")) {
      inside = line.starts_with(head);
    }
    if (inside && line.starts_with("AnonHugePages:")) huge_kib = std::stoul(line.substr(14));
  }
  const std::size_t wanted_kib = memory.huge ? memory.size_bytes / 1024 : 0;
  if (huge_kib == wanted_kib) return {};
  return fmt::format("{} KiB instead of {} KiB are huge pages", huge_kib, wanted_kib);
}

}  // namespace notifier
