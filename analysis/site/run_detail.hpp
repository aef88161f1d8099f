// SPDX-License-Identifier: MIT
// The report of one recording: everything of its summary, and what only its samples tell.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "analysis/schema.hpp"
#include "analysis/site/recording_reader.hpp"

namespace notifier::site {

inline constexpr std::size_t kHistogramBins = 48;
inline constexpr std::size_t kWorstEvents = 8;

// Bins of equal width on a logarithmic axis between the smallest and the largest positive value;
// null when there is none.
nlohmann::json histogram(std::span<const double> events, std::span<const double> shams);

// Reads the recording's files anew. A defect becomes an entry of "findings", never an exception.
nlohmann::json run_detail(const RecordingData& recording);

}  // namespace notifier::site
