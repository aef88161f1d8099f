// SPDX-License-Identifier: MIT
#include "softgpu/core/spawner.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <memory>
#include <utility>

#include "softgpu/core/range.hpp"

namespace softgpu {
namespace {

constexpr std::size_t kStackBytes = 1 << 20;

struct ThreadStart {
  const char* name;
  std::function<void()> body;
};

void* run_thread(void* argument) {
  const std::unique_ptr<ThreadStart> start(static_cast<ThreadStart*>(argument));
  pthread_setname_np(pthread_self(), start->name);
  start->body();
  return nullptr;
}

/// Signals of the program go to the program's own threads.
void block_asynchronous_signals(sigset_t& previous) {
  sigset_t blocked;
  sigfillset(&blocked);
  for (const int synchronous : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    sigdelset(&blocked, synchronous);
  }
  pthread_sigmask(SIG_SETMASK, &blocked, &previous);
}

/// Moves the stack pointer below what has been used so far. Not inlined, not instrumented: a
/// sanitizer would put the gap elsewhere.
[[gnu::noinline, gnu::no_sanitize("address", "thread", "undefined")]] void run_below_gap(
    const std::function<void()>& body) {
  [[maybe_unused]] volatile char gap[2 * kPageSize];
  gap[0] = 0;
  body();
  gap[1] = gap[0];  // after the call, so that it is no tail call
}

}  // namespace

struct Spawner::Request {
  const char* name;
  std::function<void()> body;
  bool done = false;
  bool started = false;
};

Spawner::Spawner() {
  start_detached_thread("softgpu-spawn", [this] { serve(); });
}

bool Spawner::start_thread(const char* name, std::function<void()> body) {
  Request request{.name = name, .body = std::move(body)};
  const std::lock_guard caller(callers_);
  std::unique_lock lock(lock_);
  request_ = &request;
  changed_.notify_all();
  changed_.wait(lock, [&] { return request.done; });
  return request.started;
}

void Spawner::serve() {
  std::unique_lock lock(lock_);
  for (;;) {
    changed_.wait(lock, [this] { return request_ != nullptr; });
    Request& request = *std::exchange(request_, nullptr);
    request.started = start_detached_thread(request.name, std::move(request.body));
    request.done = true;
    changed_.notify_all();
  }
}

bool start_detached_thread(const char* name, std::function<void()> body) {
  auto start = std::make_unique<ThreadStart>(ThreadStart{name, std::move(body)});
  sigset_t previous;
  block_asynchronous_signals(previous);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, run_thread, start.get()) == 0;
  if (started) {
    // The thread owns it now.
    [[maybe_unused]] const ThreadStart* given_away = start.release();
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  return started;
}

void run_on_uncopied_stack(const std::function<void()>& body) {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    void* low = nullptr;
    std::size_t size = 0;
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    const auto begin = page_ceil(reinterpret_cast<std::uintptr_t>(low));
    const auto end =
        page_floor(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0))) - kPageSize;
    // Best effort: without it waves are right but may wait for a fork at a copy of their stack.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_WIPEONFORK);
  }
  run_below_gap(body);
}

}  // namespace softgpu
