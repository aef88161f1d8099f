// SPDX-License-Identifier: MIT
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "model.hpp"
#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"

namespace softgpu_test {
namespace {

// Descriptors and pages of a victim stay behind: what a row leaves of it is the row's affair.
constexpr std::size_t kMostVictims = 250;

void* map_elsewhere(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return memory;
}

void move(void* from, std::size_t bytes, void* to, int more_flags = 0) {
  REQUIRE(mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | more_flags, to) == to);
}

}  // namespace

void Model::drop_pages() {
  Region& region = any_region();
  const Part pages = any_part(kPages);
  REQUIRE(madvise(region.page(pages.first), pages.size() * kPage, MADV_DONTNEED) == 0);
  region.expect_zeros(pages);
}

void Model::protect_and_back() {
  Region& region = any_region();
  const Part pages = any_part(kPages);
  const std::size_t bytes = pages.size() * kPage;
  // Without any rights both sides must keep away; what was there comes back.
  if (below(2) == 0) {
    REQUIRE(mprotect(region.page(pages.first), bytes, PROT_NONE) == 0);
  } else {
    REQUIRE(mprotect(region.page(pages.first), bytes, PROT_READ) == 0);
    require_on_cpu(region, pages.words_of_pages());
  }
  REQUIRE(mprotect(region.page(pages.first), bytes, PROT_READ | PROT_WRITE) == 0);
}

void Model::map_over() {
  Region& region = any_region_that_survives();
  region.replaced = true;
  const Part pages = any_part(kPages);
  map_fresh_memory_over(region.page(pages.first), pages.size() * kPage);
  region.expect_zeros(pages);
}

void Model::move_and_back() {
  Region& region = any_region_that_survives();
  region.replaced = true;
  char* page = region.page(below(kPages));
  void* elsewhere = map_elsewhere(kPage);
  move(page, kPage, elsewhere);
  move(elsewhere, kPage, page);
}

/// Other pages, with what they hold, come into the place of some.
void Model::move_over() {
  Region& region = any_region_that_survives();
  region.replaced = true;
  const Part pages = any_part(kPages);
  const Part words = pages.words_of_pages();
  void* elsewhere = map_elsewhere(pages.size() * kPage);
  const std::vector<std::uint64_t> values = next_values(region, words);
  std::copy(values.begin(), values.end(), static_cast<std::uint64_t*>(elsewhere));
  move(elsewhere, pages.size() * kPage, region.page(pages.first));
}

/// The pages go, the mapping stays: the device must not follow them.
void Model::leave_behind() {
  Region& region = any_region_that_survives();
  region.replaced = true;
  const Part pages = any_part(kPages);
  const Part words = pages.words_of_pages();
  const std::size_t bytes = pages.size() * kPage;
  auto* elsewhere = static_cast<std::uint64_t*>(map_elsewhere(bytes));
  move(region.page(pages.first), bytes, elsewhere, MREMAP_DONTUNMAP);
  const std::vector<std::uint64_t> left(
      region.expected.begin() + static_cast<std::ptrdiff_t>(words.first),
      region.expected.begin() + static_cast<std::ptrdiff_t>(words.end));
  region.expect_zeros(pages);
  executor_.store(region.device_word(words.first),
                  next_values(region, {words.first, words.first + 1}));
  REQUIRE(std::equal(left.begin(), left.end(), elsewhere));
  REQUIRE(munmap(elsewhere, bytes) == 0);
}

void Model::make_anew() {
  // HIP's own calls would wait for the kernel; unmapping ends an SVM range without.
  Region& region = any_region();
  if (region.kind != Kind::kUserptr) {
    REQUIRE(munmap(region.host, kBytes) == 0);
    region.make(region.kind);
  }
}

/// Managed memory to the device or home, and where its next fault takes it.
void Model::migrate() {
  Region& region = any_region();
  if (region.kind != Kind::kManaged || region.replaced) {
    return;
  }
  const Part pages = any_part(kPages);
  const char* begin = region.page(pages.first);
  const std::size_t size = pages.size() * kPage;
  const int location = below(3) == 0 ? hipCpuDeviceId : 0;
  REQUIRE_HIP(hipMemAdvise(begin, size, hipMemAdviseSetPreferredLocation,
                           below(2) == 0 ? hipCpuDeviceId : 0));
  REQUIRE_HIP(hipMemPrefetchAsync(begin, size, location, moves_));
  REQUIRE_HIP(hipStreamSynchronize(moves_));
}

/// Where pages go, how many at a time, and whether queues stop for them.
void Model::set_attribute() {
  Region& region = any_region();
  if (region.migrates() && !region.replaced) {
    region.set_some_attribute(random_, any_part(kPages));
  }
}

void Model::register_anew() {
  Region& region = any_region();
  if (region.kind == Kind::kUserptr) {
    region.register_anew(below(2) == 0);
  }
}

void Model::shrink_neighbour() {
  char* memory = map_memory(2 * kPage);
  REQUIRE(munmap(memory, 2 * kPage) == 0);
}

/// Some call of the kernel's that takes pages away or may, done to a BO that lives only for it. The
/// device runs and has the pages, so it must hear of the call: also where nothing else would show,
/// as of pages that were asked to move and did not.
void Model::change_victim() {
  if (victims_.empty() || victims_made_ == kMostVictims) {
    return;
  }
  ++victims_made_;
  const std::size_t row = below(static_cast<unsigned>(victims_.size()));
  const MemoryOperation& operation = *victims_[row];
  Victim victim;
  try {
    victim = operation.make();
    const std::uint64_t device = open_to_device(victim.memory, victim.size);
    REQUIRE(executor_.load(device) == load_word(reinterpret_cast<std::uint64_t*>(victim.memory)));
    const std::size_t evictions = log_.count("9");
    operation.change(victim, log_);
    require_eviction_since(evictions);
    softgpu_audit_now();
  } catch (const NotSupported&) {
    victims_.erase(victims_.begin() + static_cast<std::ptrdiff_t>(row));
  }
  if (victim.memory != nullptr) {
    close_to_device(victim.memory);
  }
}

}  // namespace softgpu_test
