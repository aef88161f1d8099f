// SPDX-License-Identifier: MIT
// From a results folder to a static site.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "analysis/site/model.hpp"

namespace notifier::site {

struct SiteOptions {
  std::filesystem::path results;
  std::filesystem::path out;
  std::size_t details = 30;  // recordings per timeline, the last ones, with a full report
};

struct SiteReport {
  std::size_t recordings = 0;
  std::size_t unreadable = 0;
  std::size_t rows = 0;
  std::size_t series = 0;
  std::size_t groups = 0;
  bool synthetic = false;
};

// Writes beside `out` first and then puts the new site in its place, so that whoever reads it sees
// the old or the new one. The bytes follow from the results alone. Throws std::runtime_error and
// std::filesystem::filesystem_error; refuses to replace a folder that is not a site.
SiteReport build_site(const SiteOptions& options);

// The parts of the data, for tests.
nlohmann::json index_document(const Model& model, const SiteOptions& options,
                              const SiteReport& report);
nlohmann::json overview_document(const Model& model);
nlohmann::json series_document(const Model& model, const Series& series);
nlohmann::json environment_document(const Timeline& timeline);

// index.html, app.js and app.css, as they were when this program was built.
struct BundleFile {
  std::string_view name;
  std::string_view bytes;
};
std::span<const BundleFile> bundle_files();

}  // namespace notifier::site
