// SPDX-License-Identifier: MIT
#include "softgpu/core/supervisor.hpp"

#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string_view>

#include "softgpu/core/fork_policy.hpp"
#include "softgpu/core/futex.hpp"
#include "softgpu/core/report.hpp"

// Linux 6.6: the woken thread runs on the waker's CPU, which is idle from then on.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace softgpu {
namespace {

/// Room for a kernel with longer structures than this program's headers know.
union CallBuffer {
  seccomp_notif call;
  char room[512];
};

union AnswerBuffer {
  seccomp_notif_resp answer;
  char room[512];
};

constexpr Interval kEverything{0, UINTPTR_MAX};

void check_sizes() {
  seccomp_notif_sizes sizes{};
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0 ||
      sizes.seccomp_notif > sizeof(CallBuffer) || sizes.seccomp_notif_resp > sizeof(AnswerBuffer)) {
    fail("this kernel's seccomp notifications are longer than softgpu knows");
  }
}

}  // namespace

Supervisor::Supervisor(Notifier& notifier, Migrator& migrator, ForkTracker& forks,
                       Registry& registry, const Settings& settings)
    : notifier_(notifier),
      migrator_(migrator),
      forks_(forks),
      registry_(registry),
      skipped_hook_(find_hook(std::string_view(settings.plant_hook))),
      widens_(settings.plant == Plant::kWide),
      process_(getpid()) {
  check_sizes();
}

void Supervisor::set_listener(int listener) {
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  listener_.store(static_cast<std::uint32_t>(listener) + 1, std::memory_order_release);
  futex_wake_all(listener_);
}

void Supervisor::serve() {
  while (listener_.load(std::memory_order_acquire) == 0) {
    futex_wait(listener_, 0);
  }
  const int listener = static_cast<int>(listener_.load()) - 1;
  CallBuffer incoming;
  AnswerBuffer outgoing;
  for (;;) {
    std::memset(&incoming, 0, sizeof(incoming));  // the kernel insists
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &incoming) != 0) {
      if (errno == EINTR || errno == ENOENT) {
        continue;  // ENOENT: the caller was killed meanwhile
      }
      fail("the seccomp listener is gone: %s", std::strerror(errno));
    }
    const Answer answer = handle(incoming.call);
    std::memset(&outgoing, 0, sizeof(outgoing));
    outgoing.answer.id = incoming.call.id;
    outgoing.answer.val = answer.value;
    outgoing.answer.error = answer.error;
    outgoing.answer.flags = answer.continued ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &outgoing);  // fails if the caller was killed
    notifier_.tell_worker();
  }
}

bool Supervisor::is_own_thread(pid_t thread) const {
  if (syscall(SYS_tgkill, process_, thread, 0) == 0) {
    return true;
  }
  // A child between vfork and exec works on this process's memory.
  return syscall(SYS_kcmp, process_, thread, KCMP_VM, 0, 0) == 0;
}

Supervisor::Answer Supervisor::handle(const seccomp_notif& call) {
  const Hook* hook = find_hook(call.data.nr);
  const auto thread = static_cast<pid_t>(call.pid);
  if (hook == nullptr || !is_own_thread(thread)) {
    return {.continued = true};
  }
  forks_.thread_is_back(thread);
  if (hook == skipped_hook_) {
    return {.continued = true};
  }
  if (hook->continued) {
    return hold_fork(thread);
  }
  SyscallArguments arguments;
  std::copy_n(call.data.args, arguments.size(), arguments.begin());
  return hold(*hook, call, arguments);
}

Supervisor::Answer Supervisor::hold(const Hook& hook, const seccomp_notif& call,
                                    const SyscallArguments& arguments) {
  long result = 0;
  if (hook.try_harmlessly == nullptr || !hook.try_harmlessly(arguments, result)) {
    plan_.count = 0;
    plan_.cause = InvalidationCause::kOther;
    plan_.invalidates = true;
    plan_.changes_fork_policy = false;
    hook.plan(arguments, plan_);
    result = hold_change(call.data.nr, arguments);
    if (plan_.changes_fork_policy && forget_fork_policy(registry_, plan_.all())) {
      notifier_.give_worker_work();
    }
  }
  return result < 0 && result > -4096
             ? Answer{.value = 0, .error = static_cast<std::int32_t>(result)}
             : Answer{.value = result};
}

/// Nothing migrates meanwhile.
long Supervisor::hold_change(int number, const SyscallArguments& arguments) {
  const std::lock_guard lock(migrator_.lock());
  if (!plan_.invalidates) {
    return execute(number, arguments);
  }
  migrator_.bring_home(plan_.all(), plan_.cause);
  const bool hit = notifier_.start(plan_.all(), plan_.cause);
  const bool hit_too_much =
      widens_ && notifier_.start({&kEverything, 1}, InvalidationCause::kOther);
  const long result = execute(number, arguments);
  notifier_.end(hit);
  if (widens_) {
    notifier_.end(hit_too_much);
  }
  return result;
}

Supervisor::Answer Supervisor::hold_fork(pid_t thread) {
  resolve_fork_policies(registry_);
  plan_.count = 0;
  plan_.add(0, UINTPTR_MAX);
  const std::lock_guard lock(migrator_.lock());
  migrator_.bring_home(plan_.all(), InvalidationCause::kFork);
  // Planted: what is kept out of forks is not spared.
  const bool hit =
      notifier_.start(plan_.all(), widens_ ? InvalidationCause::kOther : InvalidationCause::kFork);
  if (!forks_.begin(thread, hit)) {
    notifier_.end(hit);
    return {.value = 0, .error = -EAGAIN};
  }
  return {.continued = true};
}

}  // namespace softgpu
