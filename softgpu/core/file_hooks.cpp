// SPDX-License-Identifier: MIT
#include "softgpu/core/file_hooks.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "softgpu/core/proc_maps.hpp"
#include "softgpu/core/range.hpp"

namespace softgpu {
namespace {

constexpr std::uint64_t kEndOfFile = page_floor(std::numeric_limits<std::uint64_t>::max());

/// A file as the list of mappings names it.
struct File {
  struct stat status {};
  bool other_device = false;  // the list may name another device than stat does
};

/// btrfs gives each subvolume a device number of its own, overlayfs passes others' files on.
bool has_other_devices(const struct statfs& filesystem) {
  return filesystem.f_type == BTRFS_SUPER_MAGIC || filesystem.f_type == OVERLAYFS_SUPER_MAGIC;
}

bool is_mapping_of(const Vma& vma, const File& file) {
  return vma.inode == file.status.st_ino &&
         (file.other_device || (vma.device_major == major(file.status.st_dev) &&
                                vma.device_minor == minor(file.status.st_dev)));
}

/// unmap_mapping_range (kernel mm/memory.c) notifies every mapping of [begin, end) of the file,
/// private ones as well.
void plan_file(const File& file, std::uint64_t begin, std::uint64_t end, HookPlan& plan) {
  for_each_vma(0, std::numeric_limits<std::uintptr_t>::max(), [&](const Vma& vma) {
    const std::uint64_t mapped_end = vma.file_offset + (vma.end - vma.begin);
    const std::uint64_t first = std::max(begin, vma.file_offset);
    const std::uint64_t last = std::min(end, mapped_end);
    if (is_mapping_of(vma, file) && first < last) {
      plan.add(vma.begin + (first - vma.file_offset), last - first);
    }
  });
}

/// Growing takes nothing away; what remains of a partial page keeps its place.
void plan_new_size(const File& file, std::uint64_t new_size, HookPlan& plan) {
  if (new_size < static_cast<std::uint64_t>(file.status.st_size)) {
    plan_file(file, page_ceil(new_size), kEndOfFile, plan);
  }
}

bool open_file(int descriptor, File& file) {
  struct statfs filesystem {};
  file.other_device = fstatfs(descriptor, &filesystem) == 0 && has_other_devices(filesystem);
  return fstat(descriptor, &file.status) == 0;
}

}  // namespace

void plan_fallocate(const SyscallArguments& arguments, HookPlan& plan) {
  constexpr std::uint64_t kMovesTheRest = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;
  File file;
  if (open_file(static_cast<int>(arguments[0]), file)) {
    const std::uint64_t begin = arguments[2];
    const std::uint64_t size = std::min(arguments[3], kEndOfFile - std::min(begin, kEndOfFile));
    const bool all = (arguments[1] & kMovesTheRest) != 0;
    plan_file(file, page_floor(begin), all ? kEndOfFile : page_ceil(begin + size), plan);
  }
}

void plan_ftruncate(const SyscallArguments& arguments, HookPlan& plan) {
  File file;
  if (open_file(static_cast<int>(arguments[0]), file)) {
    plan_new_size(file, arguments[1], plan);
  }
}

void plan_truncate(const SyscallArguments& arguments, HookPlan& plan) {
  // The path may be any number: only the kernel may follow it, not a sanitizer's wrapper of
  // statfs(2), which reads it.
  const std::uint64_t path = arguments[0];
  File file;
  struct statfs filesystem {};
  file.other_device = syscall(SYS_statfs, path, &filesystem) == 0 && has_other_devices(filesystem);
  if (syscall(SYS_newfstatat, AT_FDCWD, path, &file.status, 0) == 0) {
    plan_new_size(file, arguments[1], plan);
  }
}

}  // namespace softgpu
