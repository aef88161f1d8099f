// SPDX-License-Identifier: MIT
// How a wave notices that the operating system took its CPU.
#include <algorithm>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {
namespace {

constexpr std::uint64_t kCpuGapNs = 20'000;   // between two stamps: worth looking at
constexpr std::uint64_t kCpuLossNs = 10'000;  // worth reporting
constexpr std::uint64_t kCpuBaselineNs = 1'000'000;

}  // namespace

std::uint64_t CpuWatch::sample(std::uint64_t now_ns) {
  const std::uint64_t gap_ns = last_clock_ns_ == 0 ? 0 : now_ns - last_clock_ns_;
  const bool fresh = last_clock_ns_ == 0;
  last_clock_ns_ = now_ns;
  if (!fresh && gap_ns <= kCpuGapNs && now_ns - baseline_clock_ns_ <= kCpuBaselineNs) {
    return 0;
  }
  const std::uint64_t cpu_ns = read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
  const std::uint64_t elapsed_ns = now_ns - baseline_clock_ns_;
  const std::uint64_t used_ns = cpu_ns - baseline_cpu_ns_;
  rebase(now_ns, cpu_ns);
  if (fresh || gap_ns <= kCpuGapNs || elapsed_ns <= used_ns) {
    return 0;
  }
  const std::uint64_t lost_ns = std::min(elapsed_ns - used_ns, gap_ns);
  return lost_ns > kCpuLossNs ? lost_ns : 0;
}

std::uint64_t CpuWatch::end(std::uint64_t now_ns) {
  const std::uint64_t lost_ns = last_clock_ns_ == 0 ? 0 : sample(now_ns);
  restart();
  return lost_ns;
}

void CpuWatch::rebase(std::uint64_t now_ns, std::uint64_t cpu_ns) {
  baseline_clock_ns_ = now_ns;
  baseline_cpu_ns_ = cpu_ns;
}

}  // namespace softgpu
