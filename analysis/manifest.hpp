// SPDX-License-Identifier: MIT
// manifest.json: what a recording ran on and how. Keys beyond the table below are welcome and kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "analysis/columns.hpp"

namespace notifier::analysis {

struct ManifestField {
  std::string_view name;
  std::string_view type;  // "text", "integer", "true or false", "object" or "list"
  Presence presence;
  std::string_view meaning;
};

std::span<const ManifestField> manifest_fields();

struct Manifest {
  std::int64_t schema_version = 0;
  std::string recording;
  std::string machine;
  std::string platform;
  std::string started_utc;
  bool interrupted = false;
  std::int64_t summary_rows = 0;
  std::int64_t sample_rows = 0;
  // `environment` flattened: "gpu.0.firmware" to the value as text, without quotes.
  std::map<std::string, std::string> environment;
  nlohmann::json document;
};

// Throws InputError with the place for text that is no JSON, a missing or mistyped field, and for
// schema_version < 1.
Manifest parse_manifest(std::string_view text, const std::string& file_name);
Manifest read_manifest(const std::filesystem::path& file);

}  // namespace notifier::analysis
