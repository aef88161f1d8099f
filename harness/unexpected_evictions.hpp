// SPDX-License-Identifier: MIT
#pragma once

#include "analysis/schema.hpp"

namespace notifier {

/// Flags the run when this event of it was evicted more than `most` times, or a sham at all: the
/// event cannot be the cause of that.
void flag_unexpected_evictions(const analysis::SampleRow& sample, int most,
                               analysis::SummaryRow& row);

}  // namespace notifier
