// SPDX-License-Identifier: MIT
#include "harness/format.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace notifier {
namespace {

struct DurationUnit {
  double ns;
  const char* name;
};
constexpr std::array<DurationUnit, 4> kUnits{{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}};

}  // namespace

std::string format_duration(std::optional<double> duration_ns) {
  if (!duration_ns) return "-";
  const double magnitude = std::abs(*duration_ns);
  for (const DurationUnit& unit : kUnits) {
    // 0.9995 rather than 1: what rounds to 1000 of a unit is 1.00 of the next.
    if (magnitude < 0.9995 * unit.ns && unit.ns > 1) continue;
    const double scaled = *duration_ns / unit.ns;
    const int digits = unit.ns == 1 || std::abs(scaled) >= 99.95 ? 0
                       : std::abs(scaled) >= 9.995               ? 1
                                                                 : 2;
    return fmt::format("{:.{}f} {}", scaled, digits, unit.name);
  }
  return "0 ns";
}

std::string format_clock(double seconds) {
  const auto total = static_cast<long>(std::lround(seconds));
  if (total >= 3600) {
    return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  }
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

}  // namespace notifier
