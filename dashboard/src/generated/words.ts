// SPDX-License-Identifier: MIT
// Generated from harness/perturbation_table.cpp by `npm run words`.
export const perturbations: [name: string, does: string, evictions: string, hazard: string][] = [
  [
    "none",
    "nothing happens: the unperturbed loop over a window of its own",
    "no call is made",
    "",
  ],
  [
    "sham",
    "getpid() in place of a memory operation: the false-stall floor",
    "getpid touches no memory map",
    "",
  ],
  [
    "fork_exit",
    "fork(); the child ends at once",
    "mm/memory.c copy_page_range, PROTECTION_PAGE (kfd_facts §1)",
    "",
  ],
  [
    "fork_child_write",
    "fork(); the child writes every page of its copy and ends",
    "mm/memory.c copy_page_range, PROTECTION_PAGE (kfd_facts §1)",
    "",
  ],
  [
    "fork_child_hold",
    "fork(); the child lives and keeps its copy until the window is over",
    "mm/memory.c copy_page_range, PROTECTION_PAGE (kfd_facts §1)",
    "",
  ],
  [
    "posix_spawn",
    "posix_spawn(/bin/true): a child without a copy of the address space",
    "CLONE_VM: no page table is copied (kernel/fork.c copy_mm)",
    "",
  ],
  [
    "vfork",
    "vfork(); the child ends at once",
    "CLONE_VM: no page table is copied (kernel/fork.c copy_mm)",
    "",
  ],
  [
    "munmap_neighbour",
    "munmap of a populated mapping right behind the workload's memory",
    "UNMAP outside the interval notifier's range (kfd_facts §1)",
    "",
  ],
  [
    "map_fixed",
    "mmap(MAP_FIXED) of fresh memory over the workload's memory",
    "mm/mmap.c munmap of the old mapping, UNMAP (kfd_facts §1)",
    "",
  ],
  [
    "dontneed",
    "madvise(MADV_DONTNEED) on the workload's memory",
    "mm/memory.c zap_page_range_single, CLEAR (kfd_facts §1)",
    "",
  ],
  [
    "collapse",
    "madvise(MADV_COLLAPSE): the kernel moves the pages into huge pages",
    "mm/khugepaged.c collapse_huge_page, CLEAR (kfd_facts §1)",
    "",
  ],
  [
    "mremap_move",
    "mremap of the workload's memory to another address, and back",
    "mm/mremap.c move_page_tables, UNMAP (kfd_facts §1)",
    "the old address is a hole until it is moved back: a stray access there is a fatal GPU fault (kfd_facts §0.9, §0.12)",
  ],
  [
    "mprotect_ro_rw",
    "mprotect to read-only and back",
    "mm/mprotect.c change_pmd_range, PROTECTION_VMA (kfd_facts §1)",
    "queues stay stopped until the memory is writable again; a killed worker cannot undo it (kfd_facts §0.11)",
  ],
];
