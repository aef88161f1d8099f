// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>

#include "harness/file_descriptor.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/perturbation_calls.hpp"

namespace notifier::pin::perturbation_calls {
namespace {

constexpr int kReadWrite = PROT_READ | PROT_WRITE;
constexpr int kFresh = MAP_PRIVATE | MAP_ANONYMOUS;

/// The range must be empty now, or the perturbation did not happen.
void expect_empty(const Event& event) {
  const WordCounts now = count_words(event.region->used(), event.seed);
  if (now.zero != now.total) throw std::runtime_error("the memory was to be empty and is not");
}

void protect(Event& event, int rights, const char* what) {
  throw_if(mprotect(event.region->address(), event.region->area_bytes(), rights) != 0, what);
}

/// Documentation/admin-guide/mm/soft-dirty.rst. Kernels without it (CONFIG_MEM_SOFT_DIRTY) take the
/// number and do nothing; then mprotect() may map the page writable at once.
void clear_soft_dirty() {
  const FileDescriptor file(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  throw_if(!file.valid() || write(file.get(), "4", 1) != 1, "/proc/self/clear_refs");
}

void move_with(Event& event, int flags) {
  const std::size_t bytes = event.region->area_bytes();
  void* target = mmap(nullptr, bytes, PROT_NONE, kFresh, -1, 0);
  throw_if(target == MAP_FAILED, "mmap of the place to move to");
  void* moved = MAP_FAILED;
  timed(event, [&] {
    moved = mremap(event.region->address(), bytes, bytes, flags | MREMAP_MAYMOVE | MREMAP_FIXED,
                   target);
  });
  throw_if(moved == MAP_FAILED, "mremap");
  event.view = static_cast<std::byte*>(moved);
  event.region->moved_to(event.view);
}

}  // namespace

void do_nothing(Event& /*event*/) {}

void dontneed(Event& event) {
  int result = 0;
  timed(event, [&] {
    result = madvise(event.region->address(), event.region->area_bytes(), MADV_DONTNEED);
  });
  throw_if(result != 0, "madvise(MADV_DONTNEED)");
  if (event.direction == Direction::kDeviceReads) expect_empty(event);
}

void map_fixed(Event& event) {
  void* fresh = nullptr;
  timed(event, [&] {
    fresh = mmap(event.region->address(), event.region->area_bytes(), kReadWrite,
                 kFresh | MAP_FIXED, -1, 0);
  });
  throw_if(fresh != event.region->address(), "mmap(MAP_FIXED)");
  expect_empty(event);
}

void munmap_mmap(Event& event) {
  int result = 0;
  timed(event, [&] { result = munmap(event.region->address(), event.region->area_bytes()); });
  throw_if(result != 0, "munmap");
  void* fresh = mmap(event.region->address(), event.region->area_bytes(), kReadWrite,
                     kFresh | MAP_FIXED_NOREPLACE, -1, 0);
  throw_if(fresh != event.region->address(), "mmap at the same address");
  expect_empty(event);
}

void unmap(Event& event) {
  int result = 0;
  timed(event, [&] { result = munmap(event.region->address(), event.region->area_bytes()); });
  throw_if(result != 0, "munmap");
  event.view = nullptr;
}

void mremap_move(Event& event) { move_with(event, 0); }

void mremap_dontunmap(Event& event) {
  move_with(event, MREMAP_DONTUNMAP);
  event.second_view = event.region->address();
}

void protect_ro(Event& event) {
  timed(event, [&] { protect(event, PROT_READ, "mprotect(PROT_READ)"); });
  event.writable = false;
}

void protect_none(Event& event) {
  timed(event, [&] { protect(event, PROT_NONE, "mprotect(PROT_NONE)"); });
  event.writable = false;
}

void protect_ro_rw(Event& event) {
  timed(event, [&] {
    protect(event, PROT_READ, "mprotect(PROT_READ)");
    protect(event, kReadWrite, "mprotect(PROT_READ | PROT_WRITE)");
  });
}

// With clear bits mprotect() must leave the page read-only (vma_soft_dirty_enabled).
void protect_and_clear(Event& event) {
  protect(event, PROT_READ, "mprotect(PROT_READ)");
  clear_soft_dirty();
  timed(event, [&] { protect(event, kReadWrite, "mprotect(PROT_READ | PROT_WRITE)"); });
}

void unprotect(Event& event) { protect(event, kReadWrite, "mprotect(PROT_READ | PROT_WRITE)"); }

}  // namespace notifier::pin::perturbation_calls
