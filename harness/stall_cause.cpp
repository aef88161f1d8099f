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

// In the order in which they happen (design of one eviction, kfd_facts §1).
constexpr std::array<StallPart, 4> kParts{
    {{Metric::kNotifier, "notifier", "the driver was still stopping queues", false},
     {Metric::kRestoreDelay, "restore delay",
      "the queues stood while the driver waited before it looked at the memory again", false},
     {Metric::kRevalidation, "revalidation",
      "the queues stood while the driver looked pages up again", true},
     {Metric::kRestoreToProgress, "resume",
      "the queues were slow to start after the driver restored them", false}}};
// Where the driver does not tell when its restore work begins.
constexpr std::array<StallPart, 2> kCoarseParts{
    {{Metric::kStopToRestore, "stop to restore",
      "the queues stood while the driver waited and looked pages up again", true},
     kParts.back()}};

}  // namespace

std::span<const StallPart> stall_parts(const analysis::SampleRow& sample) {
  if (sample[Metric::kRevalidation]) return kParts;
  if (sample[Metric::kStopToRestore]) return kCoarseParts;
  return {};
}

const StallPart* longest_part(const analysis::SampleRow& sample) {
  const StallPart* longest = nullptr;
  double longest_ns = 0;
  for (const StallPart& part : stall_parts(sample)) {
    const double part_ns = sample[part.metric].value_or(0);
    if (part_ns <= longest_ns) continue;
    longest = &part;
    longest_ns = part_ns;
  }
  return longest;
}

std::string describe_stall(const Case& measured, const analysis::SampleRow& sample) {
  const double stall_ns = sample[Metric::kStall].value_or(0);
  const StallPart* longest = longest_part(sample);
  const double longest_ns = longest != nullptr ? *sample[longest->metric] : 0;
  std::string words;
  if (longest == nullptr || stall_ns <= 0) {
    const std::optional<double>& faults = sample[Metric::kFaults];
    words =
        faults.value_or(0) > 0
            ? fmt::format("no eviction in the window; {:.0f} retry faults, served in {} together",
                          *faults, format_duration(sample[Metric::kFault]))
            : "no eviction in the window";
    if (analysis::has_flag(sample.flags, "lost_cpu")) {
      words += "; the operating system took a CPU away";
    }
    return words;
  }
  words = fmt::format("{:.0f} % ({}) is {}: {}", 100 * longest_ns / stall_ns,
                      format_duration(longest_ns), longest->name, longest->meaning);
  if (longest->per_page) words += fmt::format(", {} pages", measured.size_bytes / kPageBytes);
  if (sample.restores_rescheduled.value_or(0) > 0) {
    words += fmt::format(", restore put off {} times", *sample.restores_rescheduled);
  }
  if (analysis::has_flag(sample.flags, "lost_cpu")) {
    words += "; flagged lost_cpu: the operating system took a CPU away";
  }
  return words;
}

}  // namespace notifier
