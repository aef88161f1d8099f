// SPDX-License-Identifier: MIT
// Reads the output of other suites that use Google Benchmark. A repetition is a run; aggregates are
// left out, since they can be computed. Both functions throw InputError.
#pragma once

#include <istream>
#include <string>
#include <string_view>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

// The CSV format, with or without the lines that Google Benchmark writes above the header.
RunSet read_google_benchmark_csv(std::istream& in, const std::string& file_name);

RunSet read_google_benchmark_json(std::string_view text, const std::string& file_name);

}  // namespace notifier::analysis
