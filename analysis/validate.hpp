// SPDX-License-Identifier: MIT
// Checks a recording against its own definition: the schema, and that every figure of summary.csv
// follows from samples.csv.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace notifier::analysis {

struct ValidationReport {
  std::vector<std::string> findings;  // "file:line: message"; at most kFindingsKept
  std::size_t findings_total = 0;
  std::size_t summary_rows = 0;
  std::size_t sample_rows = 0;
};

inline constexpr std::size_t kFindingsKept = 50;

// Throws InputError when one of the three files cannot be opened; every other defect is a finding.
ValidationReport validate_recording(const std::filesystem::path& folder);

// The part of results/README.md that describes the files.
std::string schema_markdown();

}  // namespace notifier::analysis
