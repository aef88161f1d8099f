// SPDX-License-Identifier: MIT
#include "harness/unexpected_evictions.hpp"

#include "analysis/flags.hpp"

namespace notifier {

void flag_unexpected_evictions(const analysis::SampleRow& sample, int most,
                               analysis::SummaryRow& row) {
  const int allowed = sample.kind == analysis::EventKind::kSham ? 0 : most;
  if (sample.evictions.value_or(0) > allowed) analysis::add_flag(row.flags, "unexpected_evictions");
}

}  // namespace notifier
