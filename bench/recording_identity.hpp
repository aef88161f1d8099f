// SPDX-License-Identifier: MIT
// What the rows of a recording have in common, for programs that have no Suite: machine, boot,
// kernel, platform, device.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/schema.hpp"

namespace notifier {

struct RecordingIdentity {
  std::string machine;
  std::string boot_id;
  std::string kernel_release;
  std::string platform;
  std::string device;

  /// Fills in what it knows, and the time.
  void complete(analysis::SummaryRow& row, const std::string& recording) const;
};

/// Identity and manifest of a new recording on this machine.
struct NewRecording {
  RecordingIdentity identity;
  nlohmann::json manifest;
};
NewRecording describe_recording(std::string platform, std::string device, std::uint64_t seed,
                                std::vector<std::string> command);

}  // namespace notifier
