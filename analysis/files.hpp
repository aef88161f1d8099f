// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace notifier::analysis {

// Throw InputError with the system's reason. A folder is refused, as streams only fail on reading
// it.
std::ifstream open_input(const std::filesystem::path& file);
std::string read_text_file(const std::filesystem::path& file);

}  // namespace notifier::analysis
