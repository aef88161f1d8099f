// SPDX-License-Identifier: MIT
#include "analysis/manifest.hpp"

#include <algorithm>
#include <array>

#include "analysis/files.hpp"
#include "analysis/json_text.hpp"

namespace notifier::analysis {
namespace {

using nlohmann::json;
constexpr Presence kRequired = Presence::kRequired;
constexpr Presence kOptional = Presence::kOptional;

constexpr std::array kFields = {
    ManifestField{"schema_version", "integer", kRequired, "version of the recording's files"},
    ManifestField{"recording", "text", kRequired, "as in summary.csv"},
    ManifestField{"machine", "text", kRequired, "as in summary.csv"},
    ManifestField{"platform", "text", kRequired, "as in summary.csv"},
    ManifestField{"started_utc", "text", kRequired, "start of the recording, ISO 8601, UTC"},
    ManifestField{"finished_utc", "text", kOptional, "end of the recording"},
    ManifestField{"interrupted", "true or false", kRequired,
                  "whether it ended before its plan did; what was measured is valid"},
    ManifestField{"summary_rows", "integer", kRequired, "rows of summary.csv without the header"},
    ManifestField{"sample_rows", "integer", kRequired, "rows of samples.csv without the header"},
    ManifestField{"environment", "object", kRequired,
                  "kernel, parameters, firmware, ROCm, CPU and memory settings, ..."},
    ManifestField{"command", "list", kOptional, "the arguments that reproduce the recording"},
    ManifestField{"seed", "integer", kOptional, "seed of the schedule"},
    ManifestField{"suite", "object", kOptional, "version of the suite and how it was built"},
    ManifestField{"meter", "object", kOptional,
                  "validation of the stall meter: slope, constant, residual, floor of each method"},
    ManifestField{"coherence", "object", kOptional,
                  "how often device clock and driver's clocks agreed about a stall"},
    ManifestField{"bystanders", "object", kOptional,
                  "who else was watched (--bystanders): what each was, or why there was none"},
    ManifestField{"quanta", "object", kOptional, "cases whose stalls sit on a known time constant"},
};

bool has_type(const json& value, std::string_view type) {
  if (type == "text") return value.is_string() && !value.get_ref<const std::string&>().empty();
  if (type == "integer") return value.is_number_integer();
  if (type == "true or false") return value.is_boolean();
  if (type == "object") return value.is_object();
  return value.is_array();
}

std::string as_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Positions in a list of words (kernel arguments) mean nothing, so such a list is one value.
bool is_plain_list(const json& value) {
  return value.is_array() && std::none_of(value.begin(), value.end(),
                                          [](const json& item) { return item.is_structured(); });
}

// The bench writes a setting as {"value": ..., "source": where it was read}.
bool is_setting(const json& value) {
  return value.is_object() && value.contains("value") && value.contains("source");
}

void flatten(const json& value, const std::string& prefix,
             std::map<std::string, std::string>& out) {
  if (is_setting(value)) {
    flatten(value["value"], prefix, out);
    return;
  }
  if (value.is_null()) return;  // unknown
  if (!value.is_structured()) {
    out[prefix] = as_text(value);
    return;
  }
  if (is_plain_list(value)) {
    std::string& joined = out[prefix];
    for (const json& item : value) joined += (joined.empty() ? "" : " ") + as_text(item);
    return;
  }
  for (const auto& [key, item] : value.items()) {
    flatten(item, prefix.empty() ? key : prefix + "." + key, out);
  }
}

void check_fields(const json& document, const std::string& file_name) {
  if (!document.is_object()) throw InputError(file_name, 0, 0, "is not a JSON object");
  for (const ManifestField& field : kFields) {
    const auto found = document.find(field.name);
    if (found == document.end()) {
      if (field.presence == kOptional) continue;
      throw InputError(file_name, 0, 0, "no field '" + std::string(field.name) + "'");
    }
    if (!has_type(*found, field.type)) {
      throw InputError(
          file_name, 0, 0,
          "field '" + std::string(field.name) + "' is not of type " + std::string(field.type));
    }
  }
}

}  // namespace

std::span<const ManifestField> manifest_fields() { return kFields; }

Manifest parse_manifest(std::string_view text, const std::string& file_name) {
  Manifest manifest;
  manifest.document = parse_json(text, file_name);
  check_fields(manifest.document, file_name);
  const json& document = manifest.document;
  manifest.schema_version = document["schema_version"].get<std::int64_t>();
  manifest.recording = document["recording"].get<std::string>();
  manifest.machine = document["machine"].get<std::string>();
  manifest.platform = document["platform"].get<std::string>();
  manifest.started_utc = document["started_utc"].get<std::string>();
  manifest.interrupted = document["interrupted"].get<bool>();
  manifest.summary_rows = document["summary_rows"].get<std::int64_t>();
  manifest.sample_rows = document["sample_rows"].get<std::int64_t>();
  flatten(document["environment"], "", manifest.environment);
  if (manifest.schema_version < 1) throw InputError(file_name, 0, 0, "schema_version is below 1");
  return manifest;
}

Manifest read_manifest(const std::filesystem::path& file) {
  return parse_manifest(read_text_file(file), file.string());
}

}  // namespace notifier::analysis
