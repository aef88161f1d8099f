// SPDX-License-Identifier: MIT
// The table of perturbations. A new one is a row here and a function in one of perturbation_*.cpp.
#include <fmt/format.h>

#include <array>

#include "harness/perturbation.hpp"
#include "harness/perturbation_calls.hpp"
#include "kernels/workload.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kHugePageBytes = 2 << 20;

using namespace perturbation_calls;

constexpr std::array kPerturbations{
    Perturbation{.name = "none",
                 .summary = "nothing happens: the unperturbed loop over a window of its own",
                 .scope = Scope::kNothing,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 0,
                 .evictions_source = "no call is made",
                 .prepare = nullptr,
                 .perform = perform_none,
                 .finish = nullptr},
    Perturbation{.name = "sham",
                 .summary = "getpid() in place of a memory operation: the false-stall floor",
                 .scope = Scope::kNothing,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 0,
                 .evictions_source = "getpid touches no memory map",
                 .prepare = nullptr,
                 .perform = perform_sham,
                 .finish = nullptr},
    Perturbation{.name = "fork_exit",
                 .summary = "fork(); the child ends at once",
                 .scope = Scope::kProcess,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 1,
                 .evictions_source = "mm/memory.c copy_page_range, PROTECTION_PAGE (kfd_facts §1)",
                 .prepare = nullptr,
                 .perform = perform_fork_exit,
                 .finish = finish_child_exited},
    Perturbation{.name = "fork_child_write",
                 .summary = "fork(); the child writes every page of its copy and ends",
                 .scope = Scope::kProcess,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 1,
                 .evictions_source = "mm/memory.c copy_page_range, PROTECTION_PAGE (kfd_facts §1)",
                 .prepare = nullptr,
                 .perform = perform_fork_child_write,
                 .finish = finish_child_write},
    Perturbation{.name = "fork_child_hold",
                 .summary = "fork(); the child lives and keeps its copy until the window is over",
                 .scope = Scope::kProcess,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 1,
                 .evictions_source = "mm/memory.c copy_page_range, PROTECTION_PAGE (kfd_facts §1)",
                 .prepare = nullptr,
                 .perform = perform_fork_child_hold,
                 .finish = finish_child_hold},
    Perturbation{.name = "posix_spawn",
                 .summary = "posix_spawn(/bin/true): a child without a copy of the address space",
                 .scope = Scope::kProcess,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 0,
                 .evictions_source = "CLONE_VM: no page table is copied (kernel/fork.c copy_mm)",
                 .prepare = nullptr,
                 .perform = perform_posix_spawn,
                 .finish = finish_child_exited},
    Perturbation{.name = "vfork",
                 .summary = "vfork(); the child ends at once",
                 .scope = Scope::kProcess,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 0,
                 .evictions_source = "CLONE_VM: no page table is copied (kernel/fork.c copy_mm)",
                 .prepare = nullptr,
                 .perform = perform_vfork,
                 .finish = finish_child_exited},
    Perturbation{.name = "munmap_neighbour",
                 .summary = "munmap of a populated mapping right behind the workload's memory",
                 .scope = Scope::kNeighbour,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = 0,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 0,
                 .evictions_source = "UNMAP outside the interval notifier's range (kfd_facts §1)",
                 .prepare = prepare_neighbour,
                 .perform = perform_munmap_neighbour,
                 .finish = nullptr},
    Perturbation{.name = "map_fixed",
                 .summary = "mmap(MAP_FIXED) of fresh memory over the workload's memory",
                 .scope = Scope::kRange,
                 .allowed_mask = kAllowZero,
                 .minimum_bytes = kPageBytes,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 1,
                 .evictions_source = "mm/mmap.c munmap of the old mapping, UNMAP (kfd_facts §1)",
                 .prepare = nullptr,
                 .perform = perform_map_fixed,
                 .finish = nullptr},
    Perturbation{.name = "dontneed",
                 .summary = "madvise(MADV_DONTNEED) on the workload's memory",
                 .scope = Scope::kRange,
                 .allowed_mask = kAllowZero,
                 .minimum_bytes = kPageBytes,
                 .rebuilds = false,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 1,
                 .evictions_source = "mm/memory.c zap_page_range_single, CLEAR (kfd_facts §1)",
                 .prepare = nullptr,
                 .perform = perform_dontneed,
                 .finish = nullptr},
    Perturbation{.name = "collapse",
                 .summary = "madvise(MADV_COLLAPSE): the kernel moves the pages into huge pages",
                 .scope = Scope::kRange,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = kHugePageBytes,
                 .rebuilds = true,
                 .hazardous = false,
                 .hazard = "",
                 .evictions = 1,
                 .evictions_source = "mm/khugepaged.c collapse_huge_page, CLEAR (kfd_facts §1)",
                 .prepare = prepare_collapse,
                 .perform = perform_collapse,
                 .finish = finish_collapse},
    Perturbation{.name = "mremap_move",
                 .summary = "mremap of the workload's memory to another address, and back",
                 .scope = Scope::kRange,
                 .allowed_mask = kAllowNothing,
                 .minimum_bytes = kPageBytes,
                 .rebuilds = true,
                 .hazardous = true,
                 .hazard = "the old address is a hole until it is moved back: a stray access there "
                           "is a fatal GPU fault (kfd_facts §0.9, §0.12)",
                 .evictions = 1,
                 .evictions_source = "mm/mremap.c move_page_tables, UNMAP (kfd_facts §1)",
                 .prepare = prepare_mremap,
                 .perform = perform_mremap_move,
                 .finish = finish_mremap_move},
    Perturbation{
        .name = "mprotect_ro_rw",
        .summary = "mprotect to read-only and back",
        .scope = Scope::kRange,
        .allowed_mask = kAllowNothing,
        .minimum_bytes = kPageBytes,
        .rebuilds = false,
        .hazardous = true,
        .hazard = "queues stay stopped until the memory is writable again; a killed worker "
                  "cannot undo it (kfd_facts §0.11)",
        .evictions = 1,
        .evictions_source = "mm/mprotect.c change_pmd_range, PROTECTION_VMA (kfd_facts §1)",
        .prepare = prepare_mprotect_ro_rw,
        .perform = perform_mprotect_ro_rw,
        .finish = nullptr},
};

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  for (const std::string_view candidate : names) {
    if (candidate == name) return true;
  }
  return false;
}

TouchRule svm_rule(const Perturbation& perturbation) {
  if (is_one_of(perturbation.name, {"map_fixed", "mremap_move"})) {
    return {Touch::kFatal,
            "an SVM range ends with its mapping: the device's next access is a fatal fault "
            "(kfd_facts §0.8, §0.12)"};
  }
  if (perturbation.name == "mprotect_ro_rw") {
    return {Touch::kFatal,
            "an SVM range is remapped read-only: the device's next write is a fatal fault "
            "(kfd_facts §0.11)"};
  }
  return {};
}

}  // namespace

std::span<const Perturbation> perturbations() { return kPerturbations; }

const Perturbation* find_perturbation(std::string_view name) {
  for (const Perturbation& perturbation : kPerturbations) {
    if (perturbation.name == name) return &perturbation;
  }
  return nullptr;
}

TouchRule touch_rule(const Case& wanted, const Perturbation& perturbation, MemoryPath path) {
  const bool names_memory =
      perturbation.scope == Scope::kRange || perturbation.scope == Scope::kNeighbour;
  if (wanted.memory == Memory::kVram && names_memory) {
    return {Touch::kNotApplicable, "device memory has no CPU mapping that a call could change"};
  }
  if (wanted.memory == Memory::kVram && wanted.policy != Policy::kDefault) {
    return {Touch::kNotApplicable, "device memory has no CPU mapping that a fork could inherit"};
  }
  if (wanted.memory == Memory::kHost && perturbation.scope == Scope::kRange) {
    return {Touch::kNotApplicable,
            "hipHostMalloc's mapping belongs to the runtime: changing it may stop the queues for "
            "good (kfd_facts §2 'Freeing queue vital buffer')"};
  }
  if (wanted.size_bytes < perturbation.minimum_bytes) {
    return {Touch::kNotApplicable, fmt::format("{} needs at least {}", perturbation.name,
                                               format_size(perturbation.minimum_bytes))};
  }
  if (path == MemoryPath::kSvmRange) return svm_rule(perturbation);
  if (perturbation.name == "mremap_move") return {Touch::kLeavesFirst, ""};
  return {};
}

int expected_evictions(const Perturbation& perturbation, MemoryPath path, bool inherited_by_fork) {
  if (path != MemoryPath::kUserptrBo && path != MemoryPath::kSvmRange) return 0;
  if (perturbation.scope == Scope::kProcess && !inherited_by_fork) return 0;
  return perturbation.evictions;
}

MemoryPath usual_path(Memory memory) {
  switch (memory) {
    case Memory::kUserptr:
    case Memory::kHost:
      return MemoryPath::kUserptrBo;
    case Memory::kManaged:
      return MemoryPath::kSvmRange;
    case Memory::kVram:
      return MemoryPath::kVram;
  }
  return MemoryPath::kVram;
}

}  // namespace notifier
