// SPDX-License-Identifier: MIT
#pragma once

namespace notifier {

inline constexpr int kExitOk = 0;
inline constexpr int kExitViolation = 1;  // or a failed case
inline constexpr int kExitUsage = 2;
inline constexpr int kExitResults = 4;
inline constexpr int kExitNothingRan = 77;
inline constexpr int kExitInterrupted = 130;

}  // namespace notifier
