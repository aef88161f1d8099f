// SPDX-License-Identifier: MIT
// --replay: the arguments that make an earlier recording's schedule and data again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace notifier {

/// The command of the recording in `folder`, with its seed, and with `given` (without the program's
/// name) in the place of the options that stand in both. Throws std::runtime_error with the reason
/// when the folder holds no recording.
std::vector<std::string> replayed_arguments(const std::filesystem::path& folder,
                                            const std::vector<std::string>& given);

}  // namespace notifier
