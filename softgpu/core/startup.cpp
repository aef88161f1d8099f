// SPDX-License-Identifier: MIT
#include "softgpu/core/startup.hpp"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "softgpu/core/device.hpp"
#include "softgpu/core/report.hpp"
#include "softgpu/core/seccomp_filter.hpp"

namespace softgpu {
namespace {

constinit std::atomic<bool> forked{false};
constinit std::atomic<int> the_listener{-1};

#if defined(__SANITIZE_THREAD__)
constexpr int kSanitizerThreads = 1;  // its background thread makes no memory call of the program's
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr int kSanitizerThreads = 1;
#else
constexpr int kSanitizerThreads = 0;
#endif
#else
constexpr int kSanitizerThreads = 0;
#endif

int count_threads() {
  DIR* directory = opendir("/proc/self/task");
  if (directory == nullptr) {
    return 0;
  }
  int threads = 0;
  while (const dirent* entry = readdir(directory)) {
    threads += entry->d_name[0] != '.' ? 1 : 0;
  }
  closedir(directory);
  return threads;
}

bool can_populate() {
  void* page = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool can = page != MAP_FAILED && madvise(page, kPageSize, MADV_POPULATE_WRITE) == 0;
  if (page != MAP_FAILED) {
    munmap(page, kPageSize);
  }
  return can;
}

void before_fork() { device().forks().prepare(); }
void after_fork_in_parent() { device().forks().parent(); }

void after_fork_in_child() {
  forked.store(true);
  // The child would keep the listener open after the parent's end, and hang in its next memory call
  // instead of failing.
  if (const int listener = the_listener.load(); listener >= 0) {
    close(listener);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

struct sigaction previous_segv {};
struct sigaction previous_bus {};

/// A wave touched memory that its page-table entry allows and the CPU's does not: hardware would
/// have written there. Anything else is the program's own fault.
void on_memory_signal(int signal, siginfo_t* information, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(information->si_addr);
  if (current_wave != nullptr && device().waves().translates_to(*current_wave, address)) {
    device().events().missed(address, 1);
    fail(
        "wave %u used a page-table entry for CPU address 0x%lx, where the CPU's own page table "
        "forbids it: an invalidation was missed",
        current_wave->wave_index, static_cast<unsigned long>(address));
  }
  const struct sigaction& previous = signal == SIGBUS ? previous_bus : previous_segv;
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, information, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    sigaction(signal, &previous, nullptr);  // and take the fault again
  }
}

void watch_memory_signals() {
  struct sigaction action {};
  action.sa_sigaction = on_memory_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &previous_segv);
  sigaction(SIGBUS, &action, &previous_bus);
}

}  // namespace

std::string check_process(const Settings& settings) {
  if (settings.plant == Plant::kSkipHook &&
      find_hook(std::string_view(settings.plant_hook)) == nullptr) {
    return "SOFTGPU_PLANT: no hook is called " + settings.plant_hook;
  }
  if (const int threads = count_threads(); threads > 1 + kSanitizerThreads) {
    return "this process has " + std::to_string(threads) +
           " threads; the first HIP call must come before other threads are started, since memory "
           "calls of earlier threads would go unseen";
  }
  if (!can_populate()) {
    return "the kernel has no MADV_POPULATE_WRITE (Linux 5.14 or newer)";
  }
  return {};
}

std::string start_notifier(Device& device) {
  Spawner& spawner = device.spawner();
  if (!spawner.start_thread("softgpu-superv", [&device] { device.supervisor().serve(); }) ||
      !spawner.start_thread("softgpu-restore", [&device] { device.restore_worker().serve(); }) ||
      (device.migrator().why_not().empty() &&
       !spawner.start_thread("softgpu-migrat",
                             [&device] { device.migrator().serve_cpu_faults(); })) ||
      !spawner.start_thread("softgpu-faults", [&device] { device.fault_server().serve(); })) {
    return "the system gives no more threads";
  }
  watch_memory_signals();
  const std::vector<sock_filter> filter = build_filter(all_hooks(), sanitizer_code());
  const int listener = install_filter(filter);
  if (listener < 0) {
    return explain_filter_error(-listener);
  }
  device.supervisor().set_listener(listener);
  the_listener.store(listener);
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  return {};
}

std::string start_without_notifier() {
  pthread_atfork(nullptr, nullptr, after_fork_in_child);
  return {};
}

bool in_forked_child() { return forked.load(std::memory_order_relaxed); }

}  // namespace softgpu
