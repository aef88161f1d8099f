// SPDX-License-Identifier: MIT
#include "harness/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/flags.hpp"
#include "analysis/statistics.hpp"
#include "harness/format.hpp"
#include "harness/perturbation.hpp"
#include "harness/stall_cause.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SampleRow;

constexpr std::uint64_t kOtherSizeFactor = 16;
constexpr std::uint64_t kSmallestBytes = 64 << 10;
constexpr std::uint64_t kPageBytes = 4096;
constexpr int kBarColumns = 40;
// Below this share of the growth in size a part is said not to grow.
constexpr double kGrowsShare = 0.25;

using Out = std::back_insert_iterator<std::string>;

std::vector<const SampleRow*> events_of(const ExplainedCase& of) {
  std::vector<const SampleRow*> events;
  for (const SampleRow& sample : of.samples) {
    if (sample.kind == analysis::EventKind::kEvent && sample[Metric::kStall]) {
      events.push_back(&sample);
    }
  }
  return events;
}

std::optional<double> median_of(const ExplainedCase& of, Metric metric) {
  std::vector<double> values;
  for (const SampleRow* event : events_of(of)) {
    if (const auto& value = (*event)[metric]) values.push_back(*value);
  }
  return analysis::median(values);
}

/// The event in the middle by stall among those with an eviction: its parts belong together, as
/// medians of parts would not. Null when there is none.
const SampleRow* middle_event(const ExplainedCase& of) {
  std::vector<const SampleRow*> evicted;
  for (const SampleRow* event : events_of(of)) {
    if (!stall_parts(*event).empty() && !analysis::is_tainted(event->flags)) {
      evicted.push_back(event);
    }
  }
  if (evicted.empty()) return nullptr;
  const auto middle = evicted.begin() + static_cast<std::ptrdiff_t>((evicted.size() - 1) / 2);
  std::nth_element(evicted.begin(), middle, evicted.end(),
                   [](const SampleRow* a, const SampleRow* b) {
                     return *(*a)[Metric::kStall] < *(*b)[Metric::kStall];
                   });
  return *middle;
}

std::string bar(double share) {
  const int columns =
      std::clamp(static_cast<int>(std::lround(share * kBarColumns)), 0, kBarColumns);
  std::string text;
  for (int i = 0; i < columns; ++i) text += "█";
  return text + std::string(static_cast<std::size_t>(kBarColumns - columns), ' ');
}

void draw_parts(const SampleRow& event, Out out) {
  const double stall_ns = *event[Metric::kStall];
  fmt::format_to(out, "  the event in the middle: stall {}\n", format_duration(stall_ns));
  for (const StallPart& part : stall_parts(event)) {
    const double part_ns = event[part.metric].value_or(0);
    fmt::format_to(out, "    {:<16} {} {:5.1f} %  {}\n", part.name, bar(part_ns / stall_ns),
                   100 * part_ns / stall_ns, format_duration(event[part.metric]));
  }
  fmt::format_to(out, "  before it: call to eviction {}, eviction to stop {}; the call itself {}\n",
                 format_duration(event[Metric::kCallToEvict]),
                 format_duration(event[Metric::kEvictToStop]),
                 format_duration(event[Metric::kSyscall]));
  if (event[Metric::kDriverStall]) {
    fmt::format_to(out, "  by the driver's stamps alone the same stop took {}\n",
                   format_duration(event[Metric::kDriverStall]));
  }
}

void say_cause(const Case& measured, const SampleRow& event, Out out) {
  const StallPart& part = *longest_part(event);
  const double part_ns = *event[part.metric];
  fmt::format_to(out, "Cause: {:.0f} % of the stall is {}", 100 * part_ns / *event[Metric::kStall],
                 part.name);
  if (part.per_page) {
    const std::uint64_t pages = measured.size_bytes / kPageBytes;
    fmt::format_to(out, " of {} pages ({} a page)", pages,
                   format_duration(part_ns / static_cast<double>(pages)));
  }
  fmt::format_to(out, ": {}.\n", part.meaning);
}

void compare_sizes(const ExplainedCase& main, const ExplainedCase& other, const StallPart& part,
                   Out out) {
  const bool main_is_larger = main.measured.size_bytes > other.measured.size_bytes;
  const ExplainedCase& small = main_is_larger ? other : main;
  const ExplainedCase& large = main_is_larger ? main : other;
  const auto small_ns = median_of(small, part.metric);
  const auto large_ns = median_of(large, part.metric);
  if (!small_ns || !large_ns || *small_ns <= 0) return;
  const double sizes = static_cast<double>(large.measured.size_bytes) /
                       static_cast<double>(small.measured.size_bytes);
  const double growth = *large_ns / *small_ns;
  fmt::format_to(out,
                 "It {} with size: {} took {}, {} took {} ({:.1f} times for {:.0f} times the "
                 "memory).\n",
                 growth > 1 + kGrowsShare * (sizes - 1) ? "grows" : "hardly grows",
                 format_size(small.measured.size_bytes), format_duration(small_ns),
                 format_size(large.measured.size_bytes), format_duration(large_ns), growth, sizes);
}

void compare_dontfork(const ExplainedCase& main, const ExplainedCase& other, Out out) {
  const auto with_ns = median_of(other, Metric::kStall);
  const auto without_ns = median_of(main, Metric::kStall);
  if (!with_ns || !without_ns) return;
  std::int64_t evictions = 0;
  for (const SampleRow* event : events_of(other)) evictions += event->evictions.value_or(0);
  fmt::format_to(
      out,
      "dontfork {} the eviction: median stall {} with it, {} without; {} evictions in {} "
      "events.\n",
      evictions == 0 ? "avoids" : "does not avoid", format_duration(with_ns),
      format_duration(without_ns), evictions, events_of(other).size());
}

}  // namespace

std::vector<Case> cases_to_explain(const Case& wanted) {
  std::vector<Case> cases{wanted};
  Case other = wanted;
  other.size_bytes = wanted.size_bytes / kOtherSizeFactor >= kSmallestBytes
                         ? wanted.size_bytes / kOtherSizeFactor
                         : wanted.size_bytes * kOtherSizeFactor;
  cases.push_back(other);
  const Perturbation* row = find_perturbation(wanted.perturbation);
  if (row != nullptr && row->scope == Scope::kProcess && row->evictions > 0 &&
      wanted.policy == Policy::kDefault) {
    other = wanted;
    other.policy = Policy::kDontfork;
    cases.push_back(other);
  }
  return cases;
}

std::string explain(std::span<const ExplainedCase> cases) {
  std::string text;
  const Out out = std::back_inserter(text);
  if (cases.empty() || events_of(cases.front()).empty()) return "no event to explain\n";
  const ExplainedCase& main = cases.front();
  const std::vector<const SampleRow*> events = events_of(main);
  const auto evicted = std::count_if(events.begin(), events.end(), [](const SampleRow* event) {
    return !stall_parts(*event).empty();
  });
  const auto incoherent = std::count_if(events.begin(), events.end(), [](const SampleRow* event) {
    return analysis::has_flag(event->flags, "incoherent");
  });
  fmt::format_to(out, "{}\n  {} events, {} with an eviction in the stall, {} incoherent\n",
                 main.measured.name(), events.size(), evicted, incoherent);
  const SampleRow* middle = middle_event(main);
  if (middle == nullptr || longest_part(*middle) == nullptr) {
    fmt::format_to(out, "Cause: no untainted event has an eviction: median stall {}, {}.\n",
                   format_duration(median_of(main, Metric::kStall)),
                   describe_stall(main.measured, *events.front()));
    return text;
  }
  draw_parts(*middle, out);
  say_cause(main.measured, *middle, out);
  for (const ExplainedCase& other : cases.subspan(1)) {
    if (other.measured.policy != main.measured.policy) {
      compare_dontfork(main, other, out);
    } else {
      compare_sizes(main, other, *longest_part(*middle), out);
    }
  }
  return text;
}

}  // namespace notifier
