// SPDX-License-Identifier: MIT
#include "harness/pin/aio.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "harness/pin/error.hpp"

namespace notifier::pin {

Aio::Aio() {
  if (syscall(SYS_io_setup, 4, &context_) == 0) return;
  throw CannotRun(fmt::format("io_setup: {} (CONFIG_AIO, fs.aio-max-nr)", std::strerror(errno)));
}

Aio::~Aio() { syscall(SYS_io_destroy, context_); }

int Aio::submit(int opcode, int descriptor, std::span<std::byte> memory, off_t offset) {
  block_ = {};
  block_.aio_lio_opcode = static_cast<std::uint16_t>(opcode);
  block_.aio_fildes = static_cast<std::uint32_t>(descriptor);
  block_.aio_buf = reinterpret_cast<std::uint64_t>(memory.data());
  block_.aio_nbytes = memory.size();
  block_.aio_offset = offset;
  iocb* blocks = &block_;
  return syscall(SYS_io_submit, context_, 1, &blocks) == 1 ? 0 : errno;
}

std::int64_t Aio::wait() {
  io_event event{};
  long count = 0;
  while ((count = syscall(SYS_io_getevents, context_, 1, 1, &event, nullptr)) < 0 &&
         errno == EINTR) {
  }
  throw_if(count != 1, "io_getevents");
  return event.res;
}

}  // namespace notifier::pin
