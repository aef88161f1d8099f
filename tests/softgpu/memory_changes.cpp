// SPDX-License-Identifier: MIT
#include "memory_changes.hpp"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <functional>

namespace softgpu_test {
namespace {

/// The device must not write while the memory is read-only. With the hook skipped it does, which
/// ends the process before an eviction line comes.
void protect_and_back(DriverLog& log, const std::function<long(int)>& change_rights) {
  REQUIRE(change_rights(PROT_READ) == 0);
  log.wait_for("9", 1);
  REQUIRE(change_rights(PROT_READ | PROT_WRITE) == 0);
}

void advise_and_refill(Victim& victim, int advice, const char* name) {
  need(madvise(victim.memory + kPage, kPage, advice) == 0, name);
  refill(victim);
}

}  // namespace

void dontneed(Victim& victim, DriverLog&) {
  advise_and_refill(victim, MADV_DONTNEED, "MADV_DONTNEED");
}

void lazy_free(Victim& victim, DriverLog&) { advise_and_refill(victim, MADV_FREE, "MADV_FREE"); }

void remove_pages(Victim& victim, DriverLog&) {
  advise_and_refill(victim, MADV_REMOVE, "MADV_REMOVE");
}

void process_dontneed(Victim& victim, DriverLog&) {
  const int self = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  REQUIRE(self >= 0);
  iovec piece{victim.memory + kPage, kPage};
  need(syscall(SYS_process_madvise, self, &piece, 1, MADV_DONTNEED, 0) >= 0,
       "process_madvise(MADV_DONTNEED)");
  refill(victim);
}

void unmap(Victim& victim, DriverLog&) { REQUIRE(munmap(victim.memory + kPage, kPage) == 0); }

void move_away(Victim& victim, DriverLog&) {
  char* target = map_memory(kPage);
  REQUIRE(mremap(victim.memory + kPage, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, target) ==
          target);
}

void shrink(Victim& victim, DriverLog&) {
  REQUIRE(mremap(victim.memory, victim.size, kPage, 0) == victim.memory);
}

void map_over(Victim& victim, DriverLog&) {
  map_fresh_memory_over(victim.memory, kPage);
  use_up_freed_frames();
  std::memset(victim.memory, 2, kPage);
}

void shrink_heap(Victim& victim, DriverLog&) {
  REQUIRE(sbrk(0) == victim.memory + victim.size);
  REQUIRE(sbrk(-static_cast<std::intptr_t>(victim.size)) != reinterpret_cast<void*>(-1));
}

void detach(Victim& victim, DriverLog&) { REQUIRE(shmdt(victim.memory) == 0); }

void attach_over(Victim& victim, DriverLog&) {
  const int id = make_segment();
  void* memory = shmat(id, victim.memory, SHM_REMAP);
  shmctl(id, IPC_RMID, nullptr);
  REQUIRE(memory == victim.memory);
  refill(victim);
}

void remap_pages(Victim& victim, DriverLog&) {
  need(syscall(SYS_remap_file_pages, victim.memory, kPage, 0, 4, 0) == 0, "remap_file_pages");
  std::memset(victim.memory, 2, kPage);
}

void protect(Victim& victim, DriverLog& log) {
  protect_and_back(log, [&](int rights) { return mprotect(victim.memory, victim.size, rights); });
}

void pkey_protect(Victim& victim, DriverLog& log) {
  protect_and_back(log, [&](int rights) {
    return syscall(SYS_pkey_mprotect, victim.memory, victim.size, rights, -1);
  });
}

// On a machine with one node these move nothing: only the eviction line tells that they were seen.
void bind_pages(Victim& victim, DriverLog&) {
  unsigned long nodes = 1;
  need(syscall(SYS_mbind, victim.memory, victim.size, MPOL_BIND, &nodes, sizeof(nodes) * 8,
               MPOL_MF_MOVE) == 0,
       "mbind");
}

void move_to_node(Victim& victim, DriverLog&) {
  void* page = victim.memory;
  int node = 0;
  int status = 0;
  need(syscall(SYS_move_pages, 0, 1, &page, &node, &status, MPOL_MF_MOVE) == 0, "move_pages");
}

void migrate_process(Victim&, DriverLog&) {
  unsigned long nodes = 1;
  need(syscall(SYS_migrate_pages, 0, sizeof(nodes) * 8, &nodes, &nodes) == 0, "migrate_pages");
}

}  // namespace softgpu_test
