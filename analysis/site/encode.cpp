// SPDX-License-Identifier: MIT
#include "analysis/site/encode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>

namespace notifier::site {
namespace {

static_assert(std::endian::native == std::endian::little);

std::string base64_of_bytes(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.resize((bytes.size() + 2) / 3 * 4, '=');
  std::size_t out = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (count > 1) bits |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (count > 2) bits |= bytes[i + 2];
    for (std::size_t digit = 0; digit <= count; ++digit) {
      text[out + digit] = kDigits[(bits >> (18 - 6 * digit)) & 63];
    }
    out += 4;
  }
  return text;
}

template <typename Value>
std::string base64_of(std::span<const Value> values) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  return base64_of_bytes({bytes, values.size_bytes()});
}

}  // namespace

std::string base64(std::span<const float> values) { return base64_of(values); }
std::string base64(std::span<const std::int16_t> values) { return base64_of(values); }

std::int16_t overview_code(NightState state) {
  constexpr std::array<std::int16_t, 5> kCodes = {0, -32'765, -32'766, -32'767, -32'768};
  return kCodes[static_cast<std::size_t>(state)];
}

std::int16_t overview_value(double value, double base) {
  if (!(value > 0) || !(base > 0)) return 0;
  const double steps = std::round(std::log(value / base) / kOverviewStep);
  const double largest = kOverviewLargest;
  return static_cast<std::int16_t>(std::clamp(steps, -largest, largest));
}

nlohmann::json number_or_null(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value;
}

std::optional<std::int64_t> epoch_seconds(std::string_view iso_time) {
  std::tm parts{};
  const std::string text(iso_time);
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  return timegm(&parts);
}

void write_file(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.flush();
  if (!out) {
    throw std::runtime_error(
        fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
  }
}

void write_data(const std::filesystem::path& file, std::string_view name,
                const nlohmann::json& document) {
  std::filesystem::create_directories(file.parent_path());
  const std::string text = document.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  std::string script;
  script.reserve(text.size() + name.size() + 24);
  script.append("notifierData(\"").append(name).append("\",").append(text).append(");\n");
  write_file(file, script);
}

}  // namespace notifier::site
