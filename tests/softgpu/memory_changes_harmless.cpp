// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "memory_changes.hpp"

extern char** environ;

namespace softgpu_test {

void advise_harmlessly(Victim& victim, DriverLog&) {
  for (const int advice : {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTDUMP,
                           MADV_DODUMP, MADV_COLD, MADV_POPULATE_READ, MADV_POPULATE_WRITE}) {
    REQUIRE(madvise(victim.memory + kPage, kPage, advice) == 0);
  }
}

void change_fork_policy(Victim& victim, DriverLog&) {
  for (const int advice : {MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK}) {
    REQUIRE(madvise(victim.memory, victim.size, advice) == 0);
  }
}

void map_elsewhere(Victim&, DriverLog&) {
  void* free_place = mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(free_place != MAP_FAILED && munmap(free_place, kPage) == 0);
  REQUIRE(mmap(free_place, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
               0) == free_place);
}

void unmap_neighbour(Victim& victim, DriverLog&) {
  REQUIRE(munmap(victim.memory + victim.size, kPage) == 0);  // map_memory's guard
}

void grow_in_place(Victim& victim, DriverLog& log) {
  unmap_neighbour(victim, log);
  REQUIRE(mremap(victim.memory, victim.size, victim.size + kPage, MREMAP_MAYMOVE) == victim.memory);
}

void lock_pages(Victim& victim, DriverLog&) {
  need(mlock(victim.memory, victim.size) == 0, "mlock");
  REQUIRE(munlock(victim.memory, victim.size) == 0);
}

void look_at_pages(Victim& victim, DriverLog&) {
  unsigned char present[kVictimPages];
  REQUIRE(mincore(victim.memory, victim.size, present) == 0);
  REQUIRE(msync(victim.memory, victim.size, MS_ASYNC) == 0);
}

void start_others(Victim&, DriverLog&) {
  std::thread([] {}).join();
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  pid_t child = -1;
  REQUIRE(posix_spawnp(&child, name, nullptr, nullptr, arguments, environ) == 0);
  REQUIRE(waitpid(child, nullptr, 0) == child);
}

void refuse_clone3(Victim&, DriverLog&) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  errno = 0;
  REQUIRE(syscall(SYS_clone3, &arguments, sizeof(arguments)) == -1 && errno == ENOSYS);
}

void write_by_kernel(Victim& victim, DriverLog&) {
  char byte = 3;
  iovec local{&byte, 1};
  iovec remote{victim.memory, 1};
  REQUIRE(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == 1);
  const int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  REQUIRE(memory >= 0);
  REQUIRE(pwrite(memory, &byte, 1,
                 static_cast<off_t>(reinterpret_cast<std::uintptr_t>(victim.memory + kPage))) == 1);
  close(memory);
}

void grow_file(Victim& victim, DriverLog&) {
  REQUIRE(ftruncate(victim.file, static_cast<off_t>(victim.size + kPage)) == 0);
  REQUIRE(fallocate(victim.file, 0, 0, static_cast<off_t>(victim.size + 2 * kPage)) == 0);
}

void grow_heap(Victim&, DriverLog&) {
  REQUIRE(sbrk(static_cast<std::intptr_t>(kPage)) != reinterpret_cast<void*>(-1));
}

}  // namespace softgpu_test
