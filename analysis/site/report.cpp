// SPDX-License-Identifier: MIT
#include "analysis/site/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "analysis/site/encode.hpp"
#include "analysis/site/run_detail.hpp"
#include "analysis/site/scaling.hpp"
#include "analysis/site/site.hpp"

namespace notifier::site {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>notifier-bench report</title>
<link rel="icon" href="data:,">
)";

std::string_view bundled(std::string_view name) {
  for (const BundleFile& file : bundle_files()) {
    if (file.name == name) return file.bytes;
  }
  throw std::runtime_error(fmt::format("this program was built without {}", name));
}

// JSON inside a script: no text of a recording may end the script or open a comment.
std::string script_text(const json& document) {
  const std::string text = document.dump(-1, ' ', true, json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char byte : text) {
    if (byte == '<') {
      safe += "\\u003c";
    } else {
      safe += byte;
    }
  }
  return safe;
}

// A recording given as "." or with a slash at its end has its names all the same.
fs::path absolute_folder(const fs::path& folder) {
  fs::path absolute = fs::absolute(folder).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

json documents_of(const AllRecordings& all) {
  const Model model = build_model(all);
  const RecordingData& recording = all.recordings.front();
  SiteReport counts;
  counts.recordings = 1;
  counts.rows = recording.rows;
  counts.series = model.series.size();
  counts.synthetic = model.synthetic;
  json documents = json::object();
  documents["index"] = index_document(model, SiteOptions{}, counts);
  documents["overview"] = overview_document(model);
  documents["scaling"] = scaling_document(model);
  documents["compare"] = json::array();
  for (const Series& series : model.series) {
    documents["series/" + series.id] = series_document(model, series);
  }
  documents["environment/0"] = environment_document(model.timelines.front());
  json detail = run_detail(recording);
  detail["trace"] = nullptr;
  if (fs::exists(recording.folder / "trace.json")) detail["trace"] = "trace.json";
  documents["run/0-0"] = std::move(detail);
  return documents;
}

}  // namespace

std::string report_html(const fs::path& folder) {
  AllRecordings all;
  all.tables.resize(1);
  all.recordings.push_back(read_recording(absolute_folder(folder), all.tables.front()));
  const RecordingData& recording = all.recordings.front();
  if (!recording.problem.empty()) throw std::runtime_error(recording.problem);
  std::string page(kHead);
  page.append("<style>\n").append(bundled("app.css")).append("</style>\n</head>\n<body>\n");
  page.append("<div id=\"app\"></div>\n<noscript>This page draws its charts with JavaScript.")
      .append("</noscript>\n<script>window.notifierDocuments=");
  page.append(script_text(documents_of(all))).append(";</script>\n<script>\n");
  page.append(bundled("app.js")).append("</script>\n</body>\n</html>\n");
  return page;
}

fs::path write_report(const fs::path& folder) {
  fs::path file = folder / "report.html";
  const std::string page = report_html(folder);
  try {
    write_file(file, page);
  } catch (...) {
    std::error_code ignored;
    fs::remove(file, ignored);  // half a page is none
    throw;
  }
  return file;
}

}  // namespace notifier::site
