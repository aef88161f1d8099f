// SPDX-License-Identifier: MIT
// Numbers for people. Files hold base units; only the console scales.
#pragma once

#include <optional>
#include <string>

namespace notifier {

/// "850 ns", "12.3 µs", "4.31 ms", "1.20 s"; "-" when empty.
std::string format_duration(std::optional<double> duration_ns);

/// "1:05" or "1:02:03" from seconds.
std::string format_clock(double seconds);

}  // namespace notifier
