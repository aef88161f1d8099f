// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

// Writes runs of one recording as its three files, so that readers and tools can be measured on
// data of any size. Only event metrics are kept. Throws std::runtime_error when a file cannot be
// written.
void write_recording(const RunSet& runs, const std::filesystem::path& folder);

}  // namespace notifier::analysis
