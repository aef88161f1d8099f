// SPDX-License-Identifier: MIT
// A point of the fence chain as rows of a recording, like those of any other case.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "bench/fence_chain.hpp"

namespace notifier {

/// managed/anon/CALL/default/RECOVERY/chain_LENGTH_MEMORY/SIZE: CALL is sham where no memory is
/// changed, MEMORY whose it is.
std::string fence_case_name(const FencePoint& point);

struct FenceRows {
  analysis::SummaryRow identity;
  std::vector<analysis::SampleRow> samples;
};
FenceRows fence_rows(const FencePoint& point, std::uint32_t run, std::uint64_t seed,
                     std::int64_t recording_start_ns);

}  // namespace notifier
