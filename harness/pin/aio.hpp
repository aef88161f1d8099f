// SPDX-License-Identifier: MIT
// The kernel's asynchronous I/O, as libaio calls it (io_setup(2), io_submit(2)), one transfer at a
// time.
#pragma once

#include <linux/aio_abi.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace notifier::pin {

class Aio {
 public:
  /// Throws CannotRun with the reason where the kernel has none.
  Aio();
  ~Aio();
  Aio(const Aio&) = delete;
  Aio& operator=(const Aio&) = delete;

  /// `opcode` is IOCB_CMD_PREAD or IOCB_CMD_PWRITE. Returns 0 or errno.
  int submit(int opcode, int descriptor, std::span<std::byte> memory, off_t offset);
  /// The result of the transfer: bytes, or a negative errno.
  std::int64_t wait();

 private:
  aio_context_t context_ = 0;
  iocb block_{};
};

}  // namespace notifier::pin
