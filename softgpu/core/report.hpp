// SPDX-License-Identifier: MIT
// Messages for the person at the terminal. Neither function allocates or takes a lock.
#pragma once

namespace softgpu {

/// Writes "softgpu: <message>\n" to standard error.
[[gnu::format(printf, 1, 2)]] void report(const char* format, ...);

/// The same, then abort().
[[noreturn, gnu::format(printf, 1, 2)]] void fail(const char* format, ...);

}  // namespace softgpu
