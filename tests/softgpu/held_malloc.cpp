// SPDX-License-Identifier: MIT
// glibc lets a program define malloc and its relatives itself; its own stay reachable as __libc_*.
#include "held_malloc.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);
}

namespace softgpu_test {
namespace {

// The address of a thread's own object tells threads apart; after fork the child is its parent's.
constinit thread_local char this_thread __attribute__((tls_model("initial-exec"))) = 0;
constinit std::atomic<const char*> holder{nullptr};

void enter(const char* function) {
  const char* held_by = holder.load(std::memory_order_acquire);
  if (held_by == nullptr || held_by == &this_thread) {
    return;
  }
  char name[16] = "?";
  pthread_getname_np(pthread_self(), name, sizeof(name));
  char message[128];
  const int length =
      std::snprintf(message, sizeof(message),
                    "thread %s calls %s while a held thread is inside malloc\n", name, function);
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, message, static_cast<size_t>(length));
  std::abort();
}

}  // namespace

void hold_malloc() { holder.store(&this_thread, std::memory_order_release); }
void release_malloc() { holder.store(nullptr, std::memory_order_release); }

}  // namespace softgpu_test

using softgpu_test::enter;

extern "C" {

void* malloc(size_t size) {
  enter("malloc");
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  enter("calloc");
  return __libc_calloc(count, size);
}

void* realloc(void* memory, size_t size) {
  enter("realloc");
  return __libc_realloc(memory, size);
}

void* memalign(size_t alignment, size_t size) {
  enter("memalign");
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  enter("aligned_alloc");
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, size_t alignment, size_t size) {
  enter("posix_memalign");
  *memory = __libc_memalign(alignment, size);
  return *memory != nullptr ? 0 : ENOMEM;
}

void free(void* memory) {
  if (memory != nullptr) {
    enter("free");
    __libc_free(memory);
  }
}

}  // extern "C"
