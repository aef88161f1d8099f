// SPDX-License-Identifier: MIT
// What the rows of memory_operations.cpp do. After a change the test touches what is still there,
// so that new pages take the place of old ones.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "memory_operations.hpp"
#include "test_device.hpp"

namespace softgpu_test {

inline constexpr std::size_t kVictimPages = 8;
inline constexpr std::size_t kVictimSize = kVictimPages * kPage;

/// Keeps the frames that were just freed from coming back to the pages that they were taken from.
inline void use_up_freed_frames() { map_memory(64 * kPage); }

/// Word by word, since waves may reach them at the same time.
inline void write_all(const Victim& victim) {
  auto* const words = reinterpret_cast<std::uint64_t*>(victim.memory);
  for (std::size_t word = 0; word < victim.size / sizeof(*words); ++word) {
    __atomic_store_n(words + word, 0x0202020202020202U, __ATOMIC_RELAXED);
  }
}

inline void refill(const Victim& victim) {
  use_up_freed_frames();
  write_all(victim);
}

/// Throws NotSupported with errno's reason unless the call succeeded.
inline void need(bool succeeded, const char* call) {
  if (!succeeded) {
    throw NotSupported{std::string(call) + ": " + std::strerror(errno)};
  }
}

// memory_victims.cpp
Victim anonymous();
Victim under_kernel();
Victim heap_end();
Victim segment();
Victim shared_file();
int make_segment();

// memory_changes.cpp: calls that name addresses
void dontneed(Victim& victim, DriverLog& log);
void lazy_free(Victim& victim, DriverLog& log);
void remove_pages(Victim& victim, DriverLog& log);
void process_dontneed(Victim& victim, DriverLog& log);
void unmap(Victim& victim, DriverLog& log);
void move_away(Victim& victim, DriverLog& log);
void shrink(Victim& victim, DriverLog& log);
void map_over(Victim& victim, DriverLog& log);
void shrink_heap(Victim& victim, DriverLog& log);
void detach(Victim& victim, DriverLog& log);
void attach_over(Victim& victim, DriverLog& log);
void remap_pages(Victim& victim, DriverLog& log);
void protect(Victim& victim, DriverLog& log);
void pkey_protect(Victim& victim, DriverLog& log);
void bind_pages(Victim& victim, DriverLog& log);
void move_to_node(Victim& victim, DriverLog& log);
void migrate_process(Victim& victim, DriverLog& log);

// memory_changes_elsewhere.cpp: calls that name a file or a process, or go another way
void libc_fork(Victim& victim, DriverLog& log);
void raw_fork(Victim& victim, DriverLog& log);
void truncate_file(Victim& victim, DriverLog& log);
void truncate_path(Victim& victim, DriverLog& log);
void punch_file(Victim& victim, DriverLog& log);
void write_protect_by_userfaultfd(Victim& victim, DriverLog& log);
void move_by_userfaultfd(Victim& victim, DriverLog& log);
void advise_by_io_uring(Victim& victim, DriverLog& log);
void punch_by_io_uring(Victim& victim, DriverLog& log);
void clear_soft_dirty(Victim& victim, DriverLog& log);

// memory_changes_harmless.cpp
void advise_harmlessly(Victim& victim, DriverLog& log);
void change_fork_policy(Victim& victim, DriverLog& log);
void map_elsewhere(Victim& victim, DriverLog& log);
void unmap_neighbour(Victim& victim, DriverLog& log);
void grow_in_place(Victim& victim, DriverLog& log);
void lock_pages(Victim& victim, DriverLog& log);
void look_at_pages(Victim& victim, DriverLog& log);
void start_others(Victim& victim, DriverLog& log);
void refuse_clone3(Victim& victim, DriverLog& log);
void write_by_kernel(Victim& victim, DriverLog& log);
void grow_file(Victim& victim, DriverLog& log);
void grow_heap(Victim& victim, DriverLog& log);

}  // namespace softgpu_test
