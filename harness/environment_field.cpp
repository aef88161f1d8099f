// SPDX-License-Identifier: MIT
#include "environment_field.hpp"

namespace notifier {

using nlohmann::json;

namespace {

// A file or variable may hold any bytes, and JSON is UTF-8: what is not becomes U+FFFD.
json valid_utf8(const json& value) {
  constexpr int kCompact = -1;
  return json::parse(value.dump(kCompact, ' ', false, json::error_handler_t::replace));
}

}  // namespace

json known_field(const json& value, const std::string& source) {
  return {{"value", valid_utf8(value)}, {"source", source}};
}

json absent_field(const std::string& source, const std::string& reason) {
  return {{"value", nullptr}, {"source", source}, {"reason", valid_utf8(reason)}};
}

json file_field(const SystemView& view, const std::string& path) {
  return file_field(view, path, number_or_text);
}

json file_field(const SystemView& view, const std::string& path,
                const std::function<json(const std::string&)>& convert) {
  const SystemView::Text file = view.read(path);
  if (!file.text) return absent_field(path, file.reason);
  if (file.text->empty()) return absent_field(path, "the file is empty");
  json value = convert(*file.text);
  if (value.is_null()) return absent_field(path, "not understood: " + file.text->substr(0, 80));
  return known_field(value, path);
}

json bracketed_choice(const std::string& text) {
  const std::size_t begin = text.find('[');
  const std::size_t end = text.find(']', begin);
  if (begin == std::string::npos || end == std::string::npos) return nullptr;
  return text.substr(begin + 1, end - begin - 1);
}

json number_or_text(const std::string& text) {
  if (const auto number = parse_integer(text)) return *number;
  return text;
}

}  // namespace notifier
