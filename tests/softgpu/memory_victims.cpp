// SPDX-License-Identifier: MIT
#include <malloc.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cstdlib>

#include "memory_changes.hpp"

namespace softgpu_test {

Victim anonymous() { return {.memory = map_memory(kVictimSize), .size = kVictimSize}; }

Victim under_kernel() {
  Victim victim = anonymous();
  victim.kernel_runs_on_it = true;
  return victim;
}

Victim heap_end() {
  // Softgpu's own allocations must not lie above the piece that is given back.
  mallopt(M_TOP_PAD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_MMAP_THRESHOLD, 16 << 20);
  void* block = malloc(1 << 20);
  *static_cast<volatile char*>(block) = 1;  // or the compiler leaves it all out
  free(block);
  const auto now = reinterpret_cast<std::uintptr_t>(sbrk(0));
  REQUIRE(sbrk(static_cast<std::intptr_t>(kPage - now % kPage)) != reinterpret_cast<void*>(-1));
  void* piece = sbrk(static_cast<std::intptr_t>(kVictimSize));
  REQUIRE(piece != reinterpret_cast<void*>(-1));
  std::memset(piece, 1, kVictimSize);
  return {.memory = static_cast<char*>(piece), .size = kVictimSize};
}

int make_segment() {
  const int id = shmget(IPC_PRIVATE, kVictimSize, IPC_CREAT | 0600);
  need(id >= 0, "shmget");
  return id;
}

Victim segment() {
  const int id = make_segment();
  void* memory = shmat(id, nullptr, 0);
  shmctl(id, IPC_RMID, nullptr);  // it goes with its last mapping
  REQUIRE(memory != reinterpret_cast<void*>(-1));
  std::memset(memory, 1, kVictimSize);
  return {.memory = static_cast<char*>(memory), .size = kVictimSize};
}

Victim shared_file() {
  const int file = memfd_create("softgpu_test", 0);
  REQUIRE(file >= 0 && ftruncate(file, kVictimSize) == 0);
  void* memory = mmap(nullptr, kVictimSize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  REQUIRE(memory != MAP_FAILED);
  std::memset(memory, 1, kVictimSize);
  return {.memory = static_cast<char*>(memory), .size = kVictimSize, .file = file};
}

}  // namespace softgpu_test
