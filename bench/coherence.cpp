// SPDX-License-Identifier: MIT
#include "bench/coherence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/flags.hpp"
#include "harness/decomposition.hpp"
#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::Metric;
constexpr std::string_view kIncoherent = "incoherent";

/// Tainted for another reason than the one that is counted here.
bool tainted_otherwise(const analysis::SampleRow& sample) {
  return std::any_of(analysis::all_flags().begin(), analysis::all_flags().end(),
                     [&](const analysis::FlagInfo& flag) {
                       return flag.taint == analysis::Taint::kYes && flag.name != kIncoherent &&
                              analysis::has_flag(sample.flags, flag.name);
                     });
}

}  // namespace

void CoherenceCount::add(std::span<const analysis::SampleRow> samples) {
  for (const analysis::SampleRow& sample : samples) {
    if (sample.kind != analysis::EventKind::kEvent) continue;
    ++events_;
    if (!sample[Metric::kStopToRestore]) continue;
    ++decomposed_;
    if (tainted_otherwise(sample)) continue;
    ++checked_;
    if (analysis::has_flag(sample.flags, kIncoherent)) {
      ++incoherent_;
    } else if (sample[Metric::kDriverStall]) {
      const double difference_ns = *sample[Metric::kStall] - *sample[Metric::kDriverStall];
      largest_difference_ns_ = std::max(largest_difference_ns_, std::abs(difference_ns));
    }
  }
}

nlohmann::json CoherenceCount::to_json() const {
  nlohmann::json entry{{"events", events_},
                       {"decomposed", decomposed_},
                       {"checked", checked_},
                       {"incoherent", incoherent_},
                       {"agreement_limit_ns", kAgreementLimit_ns},
                       {"share_agreeing", nullptr}};
  if (checked_ > 0) {
    entry["share_agreeing"] =
        static_cast<double>(checked_ - incoherent_) / static_cast<double>(checked_);
    entry["largest_difference_ns"] = largest_difference_ns_;
  }
  return entry;
}

std::string CoherenceCount::describe() const {
  if (checked_ == 0) return "";
  return fmt::format(
      "clocks: {} of {} untainted events with an eviction agree ({:.2f} %), largest difference "
      "{}\n",
      checked_ - incoherent_, checked_,
      100 * static_cast<double>(checked_ - incoherent_) / static_cast<double>(checked_),
      format_duration(largest_difference_ns_));
}

}  // namespace notifier
