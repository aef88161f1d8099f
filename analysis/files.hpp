// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <fstream>
#include <istream>
#include <memory>
#include <string>

namespace notifier::analysis {

// Throw InputError with the system's reason. A folder is refused, as streams only fail on reading
// it.
std::ifstream open_input(const std::filesystem::path& file);
std::string read_text_file(const std::filesystem::path& file);

// The samples of a recording: samples.csv, or samples.csv.gz, which scripts/nightly makes of it
// after its retention time.
bool has_samples(const std::filesystem::path& folder);
// Throws InputError with the system's reason, or zlib's.
std::unique_ptr<std::istream> open_samples(const std::filesystem::path& folder);

}  // namespace notifier::analysis
