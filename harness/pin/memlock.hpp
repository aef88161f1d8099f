// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/format.h>
#include <sys/resource.h>

#include <cstddef>
#include <string>

namespace notifier::pin {

/// Why the kernel refused to pin `bytes` with ENOMEM, and what to do. The limit is the user's, over
/// all processes; the rings of io_uring count too, from Linux 6.14 on (io_uring/memmap.c
/// io_create_region), and are given back some time after their end.
inline std::string describe_memlock_refusal(std::size_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return fmt::format(
      "RLIMIT_MEMLOCK is {} KiB and the kernel refuses to pin {} KiB: raise it (ulimit -l, memlock "
      "in limits.conf, LimitMEMLOCK=) or run as root",
      limit.rlim_cur >> 10, bytes >> 10);
}

}  // namespace notifier::pin
