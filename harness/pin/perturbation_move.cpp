// SPDX-License-Identifier: MIT
// Attempts of the kernel to move or share pages. Each is made on the held memory and on a control
// that nobody holds: only where the control moved does it mean something that the other did not.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "harness/huge_pages.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/perturbation_calls.hpp"
#include "harness/system_view.hpp"

namespace notifier::pin::perturbation_calls {
namespace {

constexpr const char* kCompact = "/proc/sys/vm/compact_memory";
constexpr const char* kKsm = "/sys/kernel/mm/ksm/";

std::string why_not_writable(const char* path) {
  if (access(path, W_OK) == 0) return "";
  return fmt::format("{} cannot be written: {}", path, std::strerror(errno));
}

/// A page of a node with memory other than the one that holds `page`; -1 when there is none.
int other_node(const void* page) {
  int node = -1;
  if (syscall(SYS_get_mempolicy, &node, nullptr, 0, page, MPOL_F_NODE | MPOL_F_ADDR) != 0) {
    return -1;
  }
  for (const std::string& name : SystemView().list("/sys/devices/system/node")) {
    if (!name.starts_with("node")) continue;
    const auto number = parse_integer(name.substr(4));
    if (number && *number != node) return static_cast<int>(*number);
  }
  return -1;
}

/// Whether every page left for a node on which the first was not.
bool move_to_other_node(std::span<std::byte> memory) {
  const int node = other_node(memory.data());
  std::array<void*, kFrames> pages{};
  std::array<int, kFrames> nodes{};
  std::array<int, kFrames> status{};
  nodes.fill(node);
  for (std::size_t i = 0; i < kFrames; ++i) pages[i] = memory.data() + i * kPageBytes;
  const long left =
      syscall(SYS_move_pages, 0, kFrames, pages.data(), nodes.data(), status.data(), MPOL_MF_MOVE);
  throw_if(left < 0, "move_pages");
  // Of pages that could not be moved only the number is returned (mm/migrate.c do_pages_move).
  return left == 0 && std::ranges::all_of(status, [&](int result) { return result == node; });
}

std::int64_t full_scans() {
  const auto text = SystemView().read(std::string(kKsm) + "full_scans");
  return text.text ? parse_integer(*text.text).value_or(0) : 0;
}

/// A second mapping with the same content, both offered to ksmd.
std::unique_ptr<Region> make_twin(const Region& region) {
  auto twin = std::make_unique<Region>(Region::Layout{});
  std::memcpy(twin->address(), region.address(), kUsedBytes);
  for (std::byte* memory : {twin->address(), region.address()}) {
    throw_if(madvise(memory, kUsedBytes, MADV_MERGEABLE) != 0, "madvise(MADV_MERGEABLE)");
  }
  return twin;
}

/// ksmd tells nobody when it has been through; two whole scans meet every page unchanged once.
void await_full_scans(std::int64_t more) {
  const std::int64_t wanted = full_scans() + more;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (full_scans() < wanted) {
    if (std::chrono::steady_clock::now() > limit) throw CannotRun("ksmd made no full scan in 10 s");
    sched_yield();
  }
}

bool share_frames(const Region& region, const Region& twin) {
  std::array<PageEntry, kFrames> own{};
  std::array<PageEntry, kFrames> other{};
  return read_page_entries(region.address(), own) && read_page_entries(twin.address(), other) &&
         own == other && own[0].frame() != 0;
}

bool all_swapped(const Region& region) {
  std::array<PageEntry, kFrames> entries{};
  if (!read_page_entries(region.address(), entries)) return false;
  for (const PageEntry& entry : entries) {
    if (!entry.swapped()) return false;
  }
  return true;
}

}  // namespace

std::string why_no_second_node() {
  std::byte here{1};
  return other_node(&here) >= 0 ? "" : "one NUMA node only: there is nowhere to move pages to";
}

std::string why_no_compaction() {
  if (access(kCompact, F_OK) != 0) return "the kernel has no CONFIG_COMPACTION";
  return why_not_writable(kCompact);
}

std::string why_no_collapse() {
  return kernel_can_collapse() ? "" : "the kernel has no MADV_COLLAPSE (Linux 6.1)";
}

std::string why_no_ksm() {
  const std::string run = std::string(kKsm) + "run";
  if (access(run.c_str(), F_OK) != 0) return "the kernel has no CONFIG_KSM";
  return why_not_writable(run.c_str());
}

std::string why_no_pageout() {
  const auto swaps = SystemView().read("/proc/swaps");
  if (!swaps.text) return "the kernel has no CONFIG_SWAP";
  return split_lines(*swaps.text).size() > 1 ? "" : "there is no swap (/proc/swaps)";
}

void move_pages(Event& event) {
  event.control_moved = move_to_other_node(event.control->used());
  timed(event, [&] { event.region_moved = move_to_other_node(event.region->used()); });
}

void compact(Event& event) {
  const int file = open(kCompact, O_WRONLY | O_CLOEXEC);
  throw_if(file < 0, kCompact);
  ssize_t written = 0;
  timed(event, [&] { written = write(file, "1", 1); });
  close(file);
  throw_if(written != 1, kCompact);
}

void collapse(Event& event) {
  event.control_moved =
      madvise(event.control->address(), event.control->area_bytes(), kCollapseAdvice) == 0;
  timed(event, [&] {
    event.region_moved =
        madvise(event.region->address(), event.region->area_bytes(), kCollapseAdvice) == 0;
  });
}

void merge(Event& event) {
  const std::unique_ptr<Region> twin = make_twin(*event.region);
  const std::unique_ptr<Region> control_twin = make_twin(*event.control);
  await_full_scans(3);
  event.control_moved = share_frames(*event.control, *control_twin);
  event.region_moved = share_frames(*event.region, *twin);
}

void page_out(Event& event) {
  throw_if(madvise(event.control->address(), kUsedBytes, MADV_PAGEOUT) != 0,
           "madvise(MADV_PAGEOUT)");
  event.control_moved = all_swapped(*event.control);
  int result = 0;
  timed(event, [&] { result = madvise(event.region->address(), kUsedBytes, MADV_PAGEOUT); });
  throw_if(result != 0, "madvise(MADV_PAGEOUT)");
  event.region_moved = all_swapped(*event.region);
}

}  // namespace notifier::pin::perturbation_calls
