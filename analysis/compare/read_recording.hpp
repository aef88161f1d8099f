// SPDX-License-Identifier: MIT
// Reads recordings of this suite for a comparison. All functions throw InputError.
#pragma once

#include <filesystem>
#include <istream>
#include <string>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

// `events` chooses kAll or kUnflagged. Adds one recording per name that the file's rows carry.
void read_summary_runs(std::istream& in, const std::string& file_name, EventSet events,
                       RunSet& runs);

// Fills in the events of runs that read_summary_runs() gave.
void read_sample_events(std::istream& in, const std::string& file_name, EventSet events,
                        RunSet& runs);

// A folder with summary.csv, and samples.csv and manifest.json where they exist.
RunSet read_recording_folder(const std::filesystem::path& folder, EventSet events);

}  // namespace notifier::analysis
