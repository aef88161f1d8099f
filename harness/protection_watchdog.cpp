// SPDX-License-Identifier: MIT
#include "protection_watchdog.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

namespace notifier {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// Touches as much stack as the loop below will ever use.
void make_stack_resident() {
  volatile char stack[32 * 1024];
  for (std::size_t offset = 0; offset < sizeof stack; offset += 1024) stack[offset] = 0;
}

}  // namespace

ProtectionWatchdog::ProtectionWatchdog()
    : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      stop_event_(::eventfd(0, EFD_CLOEXEC)) {
  if (!timer_.valid() || !stop_event_.valid()) {
    throw std::system_error(errno, std::generic_category(), "timer of the protection watchdog");
  }
  sigset_t all;
  sigset_t previous;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &previous);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

ProtectionWatchdog::~ProtectionWatchdog() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_event_.get(), &one, sizeof one);
  thread_.join();
}

void ProtectionWatchdog::set_timer(std::chrono::nanoseconds limit) {
  const std::int64_t ns = limit.count();
  const itimerspec spec{.it_interval = {},
                        .it_value = {.tv_sec = ns / kNsPerSecond, .tv_nsec = ns % kNsPerSecond}};
  ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

void ProtectionWatchdog::arm(void* begin, std::size_t size_bytes, int protection,
                             std::chrono::nanoseconds limit) {
  const std::lock_guard lock(mutex_);
  begin_ = begin;
  size_bytes_ = size_bytes;
  protection_ = protection;
  armed_ = true;
  fired_ = false;
  // A timer of 0 would be no timer.
  set_timer(std::max(limit, std::chrono::nanoseconds(1)));
}

bool ProtectionWatchdog::disarm() {
  const std::lock_guard lock(mutex_);
  set_timer({});
  armed_ = false;
  return fired_;
}

void ProtectionWatchdog::wait_until_fired() {
  std::unique_lock lock(mutex_);
  fired_changed_.wait(lock, [this] { return fired_; });
}

void ProtectionWatchdog::run() {
  ::pthread_setname_np(::pthread_self(), "protect-watch");
  make_stack_resident();
  std::array<pollfd, 2> waited{{{.fd = timer_.get(), .events = POLLIN, .revents = 0},
                                {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}}};
  while (true) {
    if (::poll(waited.data(), waited.size(), -1) < 0) continue;  // EINTR
    if (waited[1].revents != 0) return;
    const std::lock_guard lock(mutex_);
    std::uint64_t expirations = 0;
    // A timer that was set anew since poll has nothing to read.
    const bool expired = ::read(timer_.get(), &expirations, sizeof expirations) ==
                         static_cast<ssize_t>(sizeof expirations);
    if (!expired || !armed_) continue;
    ::mprotect(begin_, size_bytes_, protection_);
    armed_ = false;
    fired_ = true;
    fired_changed_.notify_all();
  }
}

}  // namespace notifier
