// SPDX-License-Identifier: MIT
// The thread that receives the program's memory calls, has the device stopped and makes the calls.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "softgpu/core/fork_tracker.hpp"
#include "softgpu/core/hooks.hpp"
#include "softgpu/core/migrator.hpp"
#include "softgpu/core/notifier.hpp"

namespace softgpu {

/// While a call is held its thread may own any lock of the program's, malloc's among them: serve()
/// neither allocates nor takes a lock that a thread of the program holds across a reported call.
class Supervisor {
 public:
  Supervisor(Notifier& notifier, Migrator& migrator, ForkTracker& forks, Registry& registry,
             const Settings& settings);

  /// Body of the thread: waits for the listener, then answers for ever.
  [[noreturn]] void serve();

  /// Hands over the listener that install_filter gave.
  void set_listener(int listener);

 private:
  struct Answer {
    std::int64_t value = 0;
    std::int32_t error = 0;
    bool continued = false;
  };

  Answer handle(const seccomp_notif& call);
  Answer hold(const Hook& hook, const seccomp_notif& call, const SyscallArguments& arguments);
  Answer hold_fork(pid_t thread);
  long hold_change(int number, const SyscallArguments& arguments);
  bool is_own_thread(pid_t thread) const;

  Notifier& notifier_;
  Migrator& migrator_;
  ForkTracker& forks_;
  Registry& registry_;
  const Hook* skipped_hook_;  // planted, null otherwise
  const bool widens_;         // planted fault
  const pid_t process_;
  std::atomic<std::uint32_t> listener_{0};  // descriptor + 1; futex word
  HookPlan plan_;
};

}  // namespace softgpu
