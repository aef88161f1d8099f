// SPDX-License-Identifier: MIT
#include "bench/speed_notify.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include "bench/speed_measures.hpp"
#include "bench/speed_placement.hpp"

// Linux 6.6, as softgpu/core/supervisor.cpp.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace notifier {
namespace {

static_assert(std::is_trivially_copyable_v<TimedEvent>);  // sent as it is

union Buffer {
  seccomp_notif call;
  seccomp_notif_resp answer;
  char room[512];
};

int install_listener() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{.len = 4, .filter = filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return static_cast<int>(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

void let_go_on(const std::atomic<int>& listener_given) {
  while (listener_given.load() == 0) {
    std::this_thread::yield();
  }
  const int listener = listener_given.load();
  Buffer incoming;
  Buffer outgoing;
  for (;;) {
    std::memset(&incoming, 0, sizeof(incoming));
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &incoming) != 0) {
      continue;
    }
    std::memset(&outgoing, 0, sizeof(outgoing));
    outgoing.answer.id = incoming.call.id;
    outgoing.answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &outgoing);
  }
}

/// False when the other end is gone.
template <typename Transfer>
bool transfer_all(Transfer&& transfer, char* bytes, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = transfer(bytes + done, size - done);
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

bool write_events(int socket, std::vector<TimedEvent>& events) {
  return transfer_all(
      [socket](char* bytes, std::size_t size) { return write(socket, bytes, size); },
      reinterpret_cast<char*>(events.data()), events.size() * sizeof(TimedEvent));
}

bool read_events(int socket, std::vector<TimedEvent>& events) {
  return transfer_all([socket](char* bytes, std::size_t size) { return read(socket, bytes, size); },
                      reinterpret_cast<char*>(events.data()), events.size() * sizeof(TimedEvent));
}

/// Answers each number of events with as many; ends with the parent.
[[noreturn]] void serve(int socket) {
  const CallerPlacement placement;  // the thread made next inherits it
  static std::atomic<int> listener{0};
  std::thread([] { let_go_on(listener); }).detach();
  const int installed = install_listener();
  if (installed <= 0) {
    _exit(1);
  }
  ioctl(installed, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  listener.store(installed);
  auto* page = static_cast<volatile char*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  int events = 0;
  while (read(socket, &events, sizeof(events)) == sizeof(events)) {
    std::vector<TimedEvent> times;
    for (int event = 0; event < events; ++event) {
      page[0] = 1;
      times.push_back(time_dontneed(const_cast<char*>(page)));
    }
    if (!write_events(socket, times)) {
      break;
    }
  }
  _exit(0);
}

}  // namespace

BareNotification::BareNotification() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::runtime_error("socketpair fails");
  }
  child_ = fork();
  if (child_ == 0) {
    close(ends[0]);
    serve(ends[1]);
  }
  close(ends[1]);
  socket_ = ends[0];
}

BareNotification::~BareNotification() {
  close(socket_);
  waitpid(child_, nullptr, 0);
}

std::vector<TimedEvent> BareNotification::measure(int events) const {
  std::vector<TimedEvent> times(static_cast<std::size_t>(events));
  if (write(socket_, &events, sizeof(events)) != sizeof(events) || !read_events(socket_, times)) {
    throw std::runtime_error(
        "the process that measures bare notification has ended: the kernel refuses a seccomp "
        "listener, or one is there already");
  }
  return times;
}

}  // namespace notifier
