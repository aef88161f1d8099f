// SPDX-License-Identifier: MIT
// How the parts of environment.hpp write their fields.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "system_view.hpp"

namespace notifier {

nlohmann::json known_field(const nlohmann::json& value, const std::string& source);
nlohmann::json absent_field(const std::string& source, const std::string& reason);

/// The file's text, as an integer where it is one.
nlohmann::json file_field(const SystemView& view, const std::string& path);

/// What `convert` makes of the file's text; null from it means that the text was not understood.
nlohmann::json file_field(const SystemView& view, const std::string& path,
                          const std::function<nlohmann::json(const std::string&)>& convert);

/// "always [madvise] never" to "madvise".
nlohmann::json bracketed_choice(const std::string& text);

/// Text as an integer if it is one, else as it is.
nlohmann::json number_or_text(const std::string& text);

}  // namespace notifier
