// SPDX-License-Identifier: MIT
// Entry and exit of kernel functions, as kprobes report them through tracefs: what the driver did,
// not when it said that it would (KFD stamps its events before it acts, kfd_facts §0.22). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace notifier {

/// A function worth watching. One row of the table in kernel_probe.cpp each.
struct KernelFunction {
  std::string_view name;
  std::string_view platform;  // as in DeviceInfo
  bool stops_device;          // when it returns, the device is out of the way: preempt_ns
  bool starts_device;         // when it is entered, the device is still out of the way
  std::string_view meaning;
};

std::span<const KernelFunction> kernel_functions();
/// Null for a function that is not in the table.
const KernelFunction* find_kernel_function(std::string_view name);

/// One call of one function on one thread. CLOCK_BOOTTIME, which tracefs prints in µs.
struct KernelSpan {
  std::string function;
  std::int32_t thread = 0;
  std::string thread_name;
  std::int64_t begin_boottime_ns = 0;
  std::int64_t end_boottime_ns = 0;
};

/// Times of tracefs's text are whole µs.
inline constexpr double kKernelProbeResolution_ns = 1'000;

/// Names of the two events of a function; the parser knows them again.
std::string enter_event(std::string_view function);
std::string leave_event(std::string_view function);

struct KernelProbeLine {
  std::string function;
  bool leaves = false;
  std::int32_t thread = 0;
  std::string thread_name;
  std::int64_t boottime_ns = 0;
};

/// One line of a trace_pipe, in the format that kernel/trace/trace_output.c prints with
/// trace_clock=boot. Empty for what is no event of ours.
std::optional<KernelProbeLine> parse_kernel_probe(std::string_view line);

/// Events that a full buffer dropped, from a line such as "CPU:1 [LOST 12 EVENTS]"; else 0.
std::uint64_t lost_events(std::string_view line);

/// Pairs entries and exits of each thread. An exit whose entry was not seen is left out, and so is
/// an entry whose exit the kernel missed; no function of the table calls itself.
class KernelSpanPairing {
 public:
  void add(const KernelProbeLine& line);
  /// The calls that have ended since the last time, in order of their begin.
  std::vector<KernelSpan> take();

 private:
  std::vector<KernelProbeLine> open_;
  std::vector<KernelSpan> spans_;
};

}  // namespace notifier
