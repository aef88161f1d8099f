// SPDX-License-Identifier: MIT
// Perturbations of the pages behind a mapping that stays.
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "harness/huge_pages.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "harness/system_view.hpp"
#include "harness/vmstat.hpp"

namespace notifier::perturbation_calls {
namespace {

void timed_advice(EventContext& event, int advice, const char* what) {
  int result = 0;
  timed(event, [&] { result = madvise(event.slice, event.slice_bytes, advice); });
  throw_if(result != 0, what);
}

std::uint64_t minor_faults_of_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

bool has_swap() {
  const auto text = SystemView().read("/proc/meminfo");
  const auto total = text.text ? value_of_key(*text.text, "SwapTotal") : std::nullopt;
  return total && *total != "0 kB";
}

}  // namespace

void perform_dontneed(EventContext& event) {
  timed_advice(event, MADV_DONTNEED, "madvise(MADV_DONTNEED)");
}

// A read maps the kernel's page of zeros (mm/memory.c do_anonymous_page), or the file's own page.
void perform_first_read(EventContext& event) {
  perform_dontneed(event);
  const std::uint64_t before = minor_faults_of_thread();
  for (std::size_t offset = 0; offset < event.slice_bytes; offset += 4096) {
    __atomic_load_n(reinterpret_cast<std::uint64_t*>(event.slice + offset), __ATOMIC_RELAXED);
  }
  event.counter_before = static_cast<std::int64_t>(minor_faults_of_thread() - before);
}

void perform_truncate(EventContext& event) {
  timed(event, [&] { event.buffer->empty_file(); });
}

void perform_free(EventContext& event) { timed_advice(event, MADV_FREE, "madvise(MADV_FREE)"); }

void perform_punch_hole(EventContext& event) {
  timed_advice(event, MADV_REMOVE, "madvise(MADV_REMOVE)");
}

void perform_cold(EventContext& event) { timed_advice(event, MADV_COLD, "madvise(MADV_COLD)"); }

// Pages that a CPU has touched for the first time stay in a batch of its own for a while
// (mm/swap.c), from which MADV_PAGEOUT cannot take them: it empties the caller's batch only, and 64
// KiB fit into the device's. An mbind that may move, of memory that has nothing to do with it,
// empties all (mm/mempolicy.c do_mbind, lru_cache_disable).
void empty_page_batches() {
  alignas(4096) static char page[4096];
  syscall(SYS_mbind, page, sizeof(page), MPOL_DEFAULT, nullptr, 0UL, MPOL_MF_MOVE);
}

// Pages written to swap before the event; the machine's, since the kernel counts no others.
void prepare_pageout(EventContext& event) {
  if (!has_swap()) throw CannotPerform("without swap the kernel keeps these pages in memory");
  empty_page_batches();
  event.counter_before = vmstat("pswpout");
}

void perform_pageout(EventContext& event) {
  timed_advice(event, MADV_PAGEOUT, "madvise(MADV_PAGEOUT)");
}

void finish_pageout(EventContext& event) {
  if (vmstat("pswpout") == event.counter_before) {
    // Linux 6.1 keeps what KVM's page tables say was accessed since they were last asked (GPU
    // drivers are never asked); 6.12 does not (tests/kvm/pageout_test.cpp).
    throw CannotPerform(
        "the kernel wrote no page to swap (older kernels keep what a vCPU goes on using)");
  }
}

void prepare_collapse(EventContext& event) { permit_collapse(event.slice, event.slice_bytes); }

void perform_collapse(EventContext& event) {
  int error = 0;
  timed(event,
        [&] { error = madvise(event.slice, event.slice_bytes, kCollapseAdvice) == 0 ? 0 : errno; });
  // EAGAIN: of one huge page or more the kernel left out the pages, since somebody held or locked
  // one of them; it has gone on to the others (mm/khugepaged.c madvise_collapse). Whether it has
  // made any the row's proof tells.
  errno = error;
  throw_if(error != 0 && error != EAGAIN, "madvise(MADV_COLLAPSE), which needs Linux 6.1 or newer");
}

void finish_collapse(EventContext& event) { keep_base_pages(event.slice, event.slice_bytes); }

namespace {

constexpr const char* kCompactMemory = "/proc/sys/vm/compact_memory";

std::int64_t pages_scanned() {
  return vmstat("compact_migrate_scanned") + vmstat("compact_free_scanned");
}

}  // namespace

void prepare_compact(EventContext& event) {
  if (access(kCompactMemory, W_OK) != 0) {
    throw CannotPerform(
        "only root may ask for compaction, and only a kernel with CONFIG_COMPACTION "
        "can do it");
  }
  event.counter_before = pages_scanned();
}

void perform_compact(EventContext& event) {
  const int file = open(kCompactMemory, O_WRONLY | O_CLOEXEC);
  throw_if(file < 0, "opening compact_memory");
  ssize_t written = 0;
  timed(event, [&] { written = write(file, "1", 1); });
  close(file);
  throw_if(written != 1, "writing to compact_memory");
}

void finish_compact(EventContext& event) {
  if (pages_scanned() == event.counter_before) {
    throw CannotPerform("the kernel looked at no page to compact memory (compact_*_scanned)");
  }
}

}  // namespace notifier::perturbation_calls
