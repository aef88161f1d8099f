// SPDX-License-Identifier: MIT
// One recording as one HTML file that needs nothing else: the dashboard's page with its data
// inside.
#pragma once

#include <filesystem>
#include <string>

namespace notifier::site {

// `folder` is a recording: <results>/<machine>/<recording>. Throws std::runtime_error.
std::string report_html(const std::filesystem::path& folder);

// Writes report.html beside the CSV and returns its path.
std::filesystem::path write_report(const std::filesystem::path& folder);

}  // namespace notifier::site
