// SPDX-License-Identifier: MIT
#include "harness/stall_cause.hpp"

#include <fmt/format.h>

#include <array>

#include "analysis/flags.hpp"
#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::Metric;
constexpr std::uint64_t kPageBytes = 4096;

struct Part {
  Metric metric;
  const char* meaning;
};

// In the order in which they happen (design of one eviction, kfd_facts §1).
constexpr std::array<Part, 2> kParts{
    {{Metric::kStopToRestore, "the queues stood while the driver waited and looked pages up again"},
     {Metric::kRestoreToProgress, "the queues were slow to start after the driver restored them"}}};

}  // namespace

std::string describe_stall(const Case& measured, const analysis::SampleRow& sample) {
  const double stall_ns = sample[Metric::kStall].value_or(0);
  const Part* longest = nullptr;
  double longest_ns = 0;
  for (const Part& part : kParts) {
    const double part_ns = sample[part.metric].value_or(0);
    if (part_ns > longest_ns) {
      longest = &part;
      longest_ns = part_ns;
    }
  }
  std::string words;
  if (longest == nullptr || stall_ns <= 0) {
    words = "no eviction in the window";
    if (analysis::has_flag(sample.flags, "lost_cpu")) {
      words += "; the operating system took a CPU away";
    }
    return words;
  }
  words =
      fmt::format("{:.0f} % ({}): {}, {} pages", 100 * longest_ns / stall_ns,
                  format_duration(longest_ns), longest->meaning, measured.size_bytes / kPageBytes);
  if (sample.restores_rescheduled.value_or(0) > 0) {
    words += fmt::format(", restore put off {} times", *sample.restores_rescheduled);
  }
  if (analysis::has_flag(sample.flags, "lost_cpu")) {
    words += "; flagged lost_cpu: the operating system took a CPU away";
  }
  return words;
}

}  // namespace notifier
