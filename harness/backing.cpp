// SPDX-License-Identifier: MIT
#include "harness/backing.hpp"

#include <fmt/format.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "harness/cannot_perform.hpp"
#include "harness/huge_pages.hpp"
#include "harness/smaps.hpp"
#include "harness/system_view.hpp"

namespace notifier {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kHugePageBytes = 2 << 20;
// Where the rows of the neighbour's kind map and unmap; a huge page and its alignment fit. The
// kernel puts what others map at the highest addresses that have room for it (mm/mmap.c
// arch_get_unmapped_area_topdown), so right before the memory unless all of it fits behind: stacks
// of threads, malloc's heaps, a sanitizer's.
constexpr std::size_t kRoomBeforeBytes = 4 << 20;
constexpr std::size_t kRoomBehindBytes = 1 << 30;

void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// Free huge pages must do for the memory and for a child's copy of it: a child that finds none is
/// killed (mm/hugetlb.c hugetlb_wp).
void require_huge_pages(std::size_t size_bytes) {
  const auto text = SystemView().read("/proc/meminfo");
  const auto free_pages =
      text.text ? value_of_key(*text.text, "HugePages_Free", ':') : std::nullopt;
  const std::int64_t present = free_pages ? parse_integer(*free_pages).value_or(0) : 0;
  const auto wanted = static_cast<std::int64_t>(2 * size_bytes / kHugePageBytes);
  if (present >= wanted) return;
  throw CannotPerform(fmt::format(
      "needs {} free huge pages of 2 MiB, {} are there (sysctl vm.nr_hugepages)", wanted, present));
}

void require_transparent_huge_pages() {
  const auto text = SystemView().read("/sys/kernel/mm/transparent_hugepage/enabled");
  if (text.text && text.text->find("[never]") == std::string::npos) return;
  throw CannotPerform(
      "transparent huge pages are off on this machine "
      "(/sys/kernel/mm/transparent_hugepage/enabled)");
}

void require_folios(const FolioLayout& layout) {
  const std::string obstacle = folio_obstacle(layout);
  if (!obstacle.empty()) throw CannotPerform(obstacle);
}

int make_file(std::size_t size_bytes) {
  const int file = memfd_create("notifier-bench", MFD_CLOEXEC);
  if (file < 0) throw_errno("memfd_create");
  if (ftruncate(file, static_cast<off_t>(size_bytes)) != 0) {
    const int error = errno;
    close(file);
    errno = error;
    throw_errno("ftruncate of the memfd");
  }
  return file;
}

int visibility(Backing backing) {
  switch (backing) {
    case Backing::kMemfd:
      return MAP_SHARED;
    case Backing::kSharedAnon:
      return MAP_SHARED | MAP_ANONYMOUS;
    case Backing::kFilePrivate:
      return MAP_PRIVATE;
    case Backing::kHugetlb:
      return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    default:
      break;
  }
  return MAP_PRIVATE | MAP_ANONYMOUS;
}

/// An address with room on both sides that nothing uses.
std::byte* find_address(std::size_t size_bytes) {
  const std::size_t reserved = kRoomBeforeBytes + size_bytes + kHugePageBytes + kRoomBehindBytes;
  void* region =
      mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) throw_errno("mmap of an address range for the workload's memory");
  munmap(region, reserved);
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(region) + kRoomBeforeBytes;
  return reinterpret_cast<std::byte*>((first + kHugePageBytes - 1) / kHugePageBytes *
                                      kHugePageBytes);
}

}  // namespace

bool is_shared(Backing backing) {
  return backing == Backing::kMemfd || backing == Backing::kSharedAnon;
}

std::size_t backing_page_bytes(Backing backing) {
  return backing == Backing::kHugetlb ? kHugePageBytes : kPageBytes;
}

std::size_t backing_unit_bytes(Backing backing) {
  return is_made_of_huge_pages(backing) ? kHugePageBytes : backing_page_bytes(backing);
}

bool is_made_of_huge_pages(Backing backing) {
  return backing == Backing::kThp || folio_layout(backing).has_value();
}

BackingMemory::BackingMemory(Backing backing, std::size_t size_bytes)
    : backing_(backing), size_bytes_(size_bytes) {
  if (backing == Backing::kHugetlb) require_huge_pages(size_bytes);
  if (backing == Backing::kThp) require_transparent_huge_pages();
  const std::optional<FolioLayout> layout = folio_layout(backing);
  if (layout) require_folios(*layout);
  if (backing == Backing::kMemfd || backing == Backing::kFilePrivate) file_ = make_file(size_bytes);
  void* memory = map(find_address(size_bytes), size_bytes, MAP_FIXED_NOREPLACE);
  if (memory == MAP_FAILED) {
    const int error = errno;
    if (file_ >= 0) close(file_);
    errno = error;
    throw_errno("mmap of the workload's memory");
  }
  begin_ = static_cast<std::byte*>(memory);
  prepare(begin_, size_bytes);
  if (layout) build_first(*layout);
}

/// What the kernel does not give now it does not give later.
void BackingMemory::build_first(const FolioLayout& layout) {
  try {
    folios_ = std::make_unique<FolioBuilder>(layout);
    folios_->build(begin_, size_bytes_);
    const std::string found = mismatch();
    if (!found.empty()) throw CannotPerform("the kernel does not give such memory: " + found);
  } catch (...) {
    munmap(begin_, size_bytes_);
    throw;
  }
}

BackingMemory::~BackingMemory() {
  munmap(begin_, size_bytes_);
  if (file_ >= 0) close(file_);
}

void* BackingMemory::map(std::byte* wanted, std::size_t size_bytes, int placement) const {
  const off_t offset = file_ >= 0 && begin_ != nullptr ? wanted - begin_ : 0;
  return mmap(wanted, size_bytes, PROT_READ | PROT_WRITE, visibility(backing_) | placement, file_,
              offset);
}

void BackingMemory::map_again(std::byte* begin, std::size_t size_bytes) {
  if (map(begin, size_bytes, MAP_FIXED) == MAP_FAILED) {
    throw_errno("mmap(MAP_FIXED) over the workload's memory");
  }
}

void BackingMemory::empty_file() {
  if (ftruncate(file_, 0) != 0 || ftruncate(file_, static_cast<off_t>(size_bytes_)) != 0) {
    throw_errno("ftruncate of the file behind the memory");
  }
}

void BackingMemory::prepare(std::byte* begin, std::size_t size_bytes) const {
  if (backing_ == Backing::kAnon) keep_base_pages(begin, size_bytes);
  if (backing_ == Backing::kThp) ask_for_huge_pages(begin, size_bytes);
  // As its neighbours have it, or the kernel will not merge what is mapped between them.
  if (folio_layout(backing_)) keep_folios(begin, size_bytes);
}

void BackingMemory::rebuild() {
  if (folios_) return folios_->build(begin_, size_bytes_);
  if (madvise(begin_, size_bytes_, MADV_DONTNEED) != 0) {
    throw_errno("madvise(MADV_DONTNEED) to rebuild the memory");
  }
}

std::string BackingMemory::mismatch() const {
  std::string found = backing_mismatch(backing_, begin_, size_bytes_);
  if (found.empty() && folios_) found = folios_->mismatch(begin_, size_bytes_);
  return found;
}

std::string backing_mismatch(Backing backing, const std::byte* begin, std::size_t size_bytes) {
  const RangeBacking found = read_backing(begin, size_bytes);
  if (!found.fully_mapped) return "a part is not mapped";
  if (found.swap_bytes > 0) return fmt::format("{} bytes are in swap", found.swap_bytes);
  const std::uint64_t huge_bytes = found.huge_bytes + found.hugetlb_bytes;
  const bool wants_huge = backing == Backing::kThp || backing == Backing::kHugetlb;
  if (wants_huge && found.covers_whole_mappings && huge_bytes < size_bytes) {
    return fmt::format("{} of {} bytes are in huge pages", huge_bytes, size_bytes);
  }
  if (!wants_huge && huge_bytes > 0) return fmt::format("{} bytes are in huge pages", huge_bytes);
  return "";
}

}  // namespace notifier
