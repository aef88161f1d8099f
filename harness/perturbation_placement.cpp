// SPDX-License-Identifier: MIT
// Perturbations by which the kernel puts pages elsewhere: other NUMA nodes, one page for many
// (KSM), swap.
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "harness/folios.hpp"
#include "harness/integrity.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "harness/system_view.hpp"
#include "harness/vmstat.hpp"

namespace notifier::perturbation_calls {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr int kReclaimCalls = 20;

/// The nodes with memory, from a list such as "0-1,3".
std::vector<int> memory_nodes() {
  const auto text = SystemView().read("/sys/devices/system/node/has_memory");
  std::vector<int> nodes;
  std::size_t at = 0;
  while (text.text && at < text.text->size()) {
    std::size_t used = 0;
    const int first = std::stoi(text.text->substr(at), &used);
    int last = first;
    at += used;
    if (at < text.text->size() && (*text.text)[at] == '-') {
      last = std::stoi(text.text->substr(++at), &used);
      at += used;
    }
    for (int node = first; node <= last; ++node) nodes.push_back(node);
    ++at;  // the comma
  }
  return nodes;
}

/// The first page's node; a negative errno where the kernel does not know.
int node_of(std::byte* page) {
  void* pages[] = {page};
  int status = -1;
  throw_if(syscall(SYS_move_pages, 0, 1UL, pages, nullptr, &status, 0) != 0,
           "move_pages, which says where a page is");
  return status;
}

int other_node(std::byte* page) {
  const std::vector<int> nodes = memory_nodes();
  if (nodes.size() < 2) {
    throw CannotPerform("needs two NUMA nodes with memory; this machine has one");
  }
  const int present = node_of(page);
  return *std::find_if(nodes.begin(), nodes.end(), [&](int node) { return node != present; });
}

void set_policy(const EventContext& event, int mode, int node, unsigned flags) {
  unsigned long mask = node < 0 ? 0 : 1UL << node;
  throw_if(syscall(SYS_mbind, event.slice, event.slice_bytes, mode, node < 0 ? nullptr : &mask,
                   sizeof(mask) * 8, flags) != 0,
           "mbind");
}

}  // namespace

void prepare_other_node(EventContext& event) { event.target_node = other_node(event.slice); }

void perform_move_pages(EventContext& event) {
  const std::size_t count = event.slice_bytes / kPageBytes;
  std::vector<void*> pages(count);
  for (std::size_t page = 0; page < count; ++page) pages[page] = event.slice + page * kPageBytes;
  const std::vector<int> nodes(count, event.target_node);
  std::vector<int> status(count, -1);
  long result = 0;
  timed(event, [&] {
    result =
        syscall(SYS_move_pages, 0, count, pages.data(), nodes.data(), status.data(), MPOL_MF_MOVE);
  });
  throw_if(result < 0, "move_pages");
  if (std::find(status.begin(), status.end(), event.target_node) == status.end()) {
    throw CannotPerform("move_pages moved no page");
  }
}

void perform_mbind(EventContext& event) {
  timed(event, [&] { set_policy(event, MPOL_BIND, event.target_node, MPOL_MF_MOVE); });
}

void finish_mbind(EventContext& event) {
  const bool moved = node_of(event.slice) == event.target_node;
  set_policy(event, MPOL_DEFAULT, -1, 0);
  if (!moved) throw CannotPerform("mbind(MPOL_MF_MOVE) moved no page");
}

namespace {

constexpr int kMergeMarker = 0x5A;
constexpr std::int64_t kMergeLimitNs = 20'000'000'000;

/// Pages of this process that KSM has merged (fs/proc/base.c proc_pid_ksm_merging_pages).
std::int64_t merged_pages() {
  const auto text = SystemView().read("/proc/self/ksm_merging_pages");
  if (!text.text) {
    throw CannotPerform("the kernel does not say what KSM has merged (Linux 5.19, CONFIG_KSM)");
  }
  return parse_integer(*text.text).value_or(0);
}

}  // namespace

void prepare_ksm(EventContext& event) {
  // What an earlier event has merged is given up by KSM's next round.
  const std::int64_t limit_ns = monotonic_raw_ns() + kMergeLimitNs;
  const timespec pause{0, 1'000'000};
  while (merged_pages() != 0 && monotonic_raw_ns() < limit_ns) nanosleep(&pause, nullptr);
  event.counter_before = merged_pages();
  // The records differ in each word, so that no two pages of them are equal.
  std::uint64_t marker = 0;
  std::memset(&marker, kMergeMarker, sizeof(marker));
  const std::span words(reinterpret_cast<std::uint64_t*>(event.slice),
                        event.slice_bytes / sizeof(marker));
  // Atomic, for the wave that has left the slice has stored there.
  for (std::uint64_t& word : words) std::atomic_ref(word).store(marker, std::memory_order_relaxed);
}

void perform_ksm(EventContext& event) {
  const auto wanted = static_cast<std::int64_t>(event.slice_bytes / kPageBytes / 2);
  const timespec pause{0, 1'000'000};
  int result = 0;
  timed(event, [&] {
    result = madvise(event.slice, event.slice_bytes, MADV_MERGEABLE);
    const std::int64_t limit_ns = monotonic_raw_ns() + kMergeLimitNs;
    while (result == 0 && merged_pages() - event.counter_before < wanted &&
           monotonic_raw_ns() < limit_ns) {
      nanosleep(&pause, nullptr);
    }
  });
  throw_if(result != 0, "madvise(MADV_MERGEABLE)");
  // KSM goes on after we have seen enough: any page may have moved.
  if (merged_pages() > event.counter_before) event.pages_moved = event.slice_bytes / kPageBytes;
}

void finish_ksm(EventContext& event) {
  const bool kept = std::all_of(event.slice, event.slice + event.slice_bytes,
                                [](std::byte byte) { return byte == std::byte{kMergeMarker}; });
  if (!kept) ++event.board->findings.torn;
  throw_if(madvise(event.slice, event.slice_bytes, MADV_UNMERGEABLE) != 0,
           "madvise(MADV_UNMERGEABLE)");
  if (event.pages_moved == 0) throw CannotPerform("KSM merged no page in 20 s");
}

namespace {

/// A cgroup below the one that this process is in, with a file by which its memory is reclaimed.
struct ChildGroup {
  std::filesystem::path parent;
  std::filesystem::path folder;
  std::string reclaim_file;
  std::string request;
};

/// Where this process is in a hierarchy: "ID:CONTROLLERS:PATH" lines (cgroups(7)).
std::string path_in_hierarchy(std::string_view controller) {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controller) return line.substr(second + 1);
  }
  return "";
}

bool write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text << std::flush;
  return out.good();
}

ChildGroup make_child_group() {
  const std::string name = "notifier-bench-" + std::to_string(getpid());
  const std::filesystem::path root("/sys/fs/cgroup");
  const std::string legacy = path_in_hierarchy("memory");
  const std::string unified = path_in_hierarchy("");
  const std::array candidates{
      ChildGroup{root.string() + unified, {}, "memory.reclaim", "16G"},
      ChildGroup{root.string() + "/memory" + legacy, {}, "memory.force_empty", "0"}};
  for (ChildGroup group : candidates) {
    group.folder = group.parent / name;
    if (mkdir(group.folder.c_str(), 0755) != 0) continue;
    if (access((group.folder / group.reclaim_file).c_str(), W_OK) == 0 &&
        write_text(group.folder / "cgroup.procs", std::to_string(getpid()))) {
      return group;
    }
    rmdir(group.folder.c_str());
  }
  throw CannotPerform(
      "needs a memory cgroup in which a child may be made (memory.reclaim, Linux 5.19, or cgroup "
      "v1's memory.force_empty)");
}

ChildGroup& child_group() {
  static ChildGroup group;
  return group;
}

}  // namespace

void prepare_reclaim(EventContext& event) {
  prepare_pageout(event);
  child_group() = make_child_group();
  // Pages are charged to the group in which they are first touched.
  throw_if(madvise(event.slice, event.slice_bytes, MADV_DONTNEED) != 0, "madvise(MADV_DONTNEED)");
  fill_with_host_records(reinterpret_cast<std::uint64_t*>(event.slice), event.slice_begin_word,
                         event.slice_begin_word + event.slice_bytes / sizeof(std::uint64_t), 0,
                         event.seed);
  empty_page_batches();
}

namespace {

/// Pages that reclaim has taken since it had taken `stolen_before`, or from the slice, whichever is
/// more. It counts a page when it frees it (mm/vmscan.c shrink_folio_list); one that is still being
/// written to swap has left the page tables and is freed by a later round.
std::uint64_t pages_taken(const EventContext& event, std::int64_t stolen_before) {
  static const FolioReader reader;
  const auto stolen = static_cast<std::uint64_t>(vmstat("pgsteal_anon") - stolen_before);
  if (!reader.obstacle().empty()) return stolen;  // then the software GPU audits no page either
  const std::vector<FolioPage> pages = reader.read(event.slice, event.slice_bytes);
  const auto absent = static_cast<std::uint64_t>(std::count_if(
      pages.begin(), pages.end(), [](const FolioPage& page) { return !page.present; }));
  return std::max(stolen, absent);
}

}  // namespace

void perform_reclaim(EventContext& event) {
  const std::int64_t stolen_before = vmstat("pgsteal_anon");
  // What cannot be reclaimed makes the write fail with EAGAIN, and a signal with EINTR: only the
  // pages tell what happened. A call that took none changed nothing, and the event is the next one.
  for (int call = 0; call < kReclaimCalls && event.pages_moved == 0; ++call) {
    timed(event, [] {
      write_text(child_group().folder / child_group().reclaim_file, child_group().request);
    });
    event.pages_moved = pages_taken(event, stolen_before);
  }
}

void finish_reclaim(EventContext& event) {
  write_text(child_group().parent / "cgroup.procs", std::to_string(getpid()));
  rmdir(child_group().folder.c_str());
  finish_pageout(event);
}

}  // namespace notifier::perturbation_calls
