// SPDX-License-Identifier: MIT
#include "harness/pin/uring.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "harness/pin/error.hpp"
#include "harness/pin/memlock.hpp"

namespace notifier::pin {

namespace {

constexpr std::size_t kRingBytes = 8192;  // of a ring with four entries: two pages

}  // namespace

Uring::Uring() {
  const int result = io_uring_queue_init(4, &ring_, 0);
  if (result == 0) return;
  if (result == -ENOMEM) throw CannotRun(describe_memlock_refusal(kRingBytes));
  throw CannotRun(fmt::format("io_uring is not to be had: {} (kernel.io_uring_disabled, seccomp)",
                              std::strerror(-result)));
}

Uring::~Uring() { io_uring_queue_exit(&ring_); }

io_uring_sqe* Uring::entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) throw std::logic_error("io_uring: more than one transfer at a time");
  return entry;
}

void Uring::submit() {
  const int submitted = io_uring_submit(&ring_);
  errno = submitted < 0 ? -submitted : EAGAIN;
  throw_if(submitted != 1, "io_uring_submit");
}

int Uring::wait() {
  io_uring_cqe* completion = nullptr;
  int result = 0;
  while ((result = io_uring_wait_cqe(&ring_, &completion)) == -EINTR) {
  }
  errno = -result;
  throw_if(result != 0, "io_uring_wait_cqe");
  const int transferred = completion->res;
  io_uring_cqe_seen(&ring_, completion);
  return transferred;
}

}  // namespace notifier::pin
