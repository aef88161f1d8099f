// SPDX-License-Identifier: MIT
// The forms in which data reaches the browser.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "analysis/site/model.hpp"

namespace notifier::site {

// Base64 of the numbers as little-endian bytes.
std::string base64(std::span<const float> values);
std::string base64(std::span<const std::int16_t> values);

// What the overview holds for a night: steps of 1e-4 of the logarithm against the case's base, or
// one of these. The dashboard's src/data.ts has the same numbers.
inline constexpr double kOverviewStep = 1e-4;
inline constexpr std::int16_t kOverviewLargest = 32'000;
std::int16_t overview_code(NightState state);
std::int16_t overview_value(double value, double base);

// The number, or null where it is undefined: JSON has no NaN.
nlohmann::json number_or_null(double value);

// Seconds since 1970 of "2026-11-22T17:05:09Z"; empty for anything else.
std::optional<std::int64_t> epoch_seconds(std::string_view iso_time);

// Writes `notifierData("<name>", <document>);`, in ASCII, creating the folder. A page opened from
// file:// may load scripts, but no other files. Throws std::runtime_error.
void write_data(const std::filesystem::path& file, std::string_view name,
                const nlohmann::json& document);
void write_file(const std::filesystem::path& file, std::string_view bytes);

}  // namespace notifier::site
