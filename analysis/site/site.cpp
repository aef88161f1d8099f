// SPDX-License-Identifier: MIT
#include "analysis/site/site.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "analysis/compare/parallel.hpp"
#include "analysis/site/comparisons.hpp"
#include "analysis/site/encode.hpp"
#include "analysis/site/run_detail.hpp"
#include "analysis/site/scaling.hpp"

namespace notifier::site {
namespace {

namespace fs = std::filesystem;

// What tells a site from somebody's folder.
constexpr std::string_view kMarker = "data/index.js";

void check_replaceable(const fs::path& out) {
  if (!fs::exists(out) || (fs::is_directory(out) && fs::is_empty(out))) return;
  if (fs::exists(out / kMarker)) return;
  throw std::runtime_error(
      fmt::format("{} exists and is not a site (no {} in it); name an empty or a new folder",
                  out.string(), kMarker));
}

void write_details(const Model& model, const SiteOptions& options, const fs::path& folder) {
  struct Job {
    std::size_t timeline;
    std::size_t position;
  };
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < model.timelines.size(); ++i) {
    const std::size_t nights = model.timelines[i].recordings.size();
    for (std::size_t k = nights - std::min(nights, options.details); k < nights; ++k) {
      jobs.push_back({i, k});
    }
  }
  analysis::run_in_parallel(jobs.size(), [&](std::size_t i) {
    const RecordingData& recording =
        *model.timelines[jobs[i].timeline].recordings[jobs[i].position];
    const std::string name = fmt::format("run/{}-{}", jobs[i].timeline, jobs[i].position);
    nlohmann::json document = run_detail(recording);
    document["trace"] = nullptr;
    if (fs::exists(recording.folder / "trace.json")) {
      const std::string trace = fmt::format("data/{}.trace.json", name);
      fs::create_directories((folder / trace).parent_path());
      fs::copy_file(recording.folder / "trace.json", folder / trace);
      document["trace"] = trace;
    }
    write_data(folder / "data" / (name + ".js"), name, document);
  });
}

void write_comparisons(const Model& model, const fs::path& data) {
  const std::vector<ComparisonPair> pairs = choose_pairs(model);
  nlohmann::json entries = nlohmann::json::array();
  for (const ComparisonPair& pair : pairs) {
    entries.push_back({{"kind", pair.kind}, {"title", pair.title}, {"timeline", pair.timeline}});
  }
  write_data(data / "compare.js", "compare", entries);
  // one after the other: each takes all CPUs itself
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::string name = fmt::format("compare/{}", i);
    write_data(data / (name + ".js"), name, comparison_document(pairs[i]));
  }
}

void write_site(const Model& model, const SiteOptions& options, const SiteReport& report,
                const fs::path& folder) {
  const fs::path data = folder / "data";
  fs::create_directories(data);
  fs::create_directories(data / "series");
  write_data(data / "index.js", "index", index_document(model, options, report));
  write_data(data / "overview.js", "overview", overview_document(model));
  write_data(data / "scaling.js", "scaling", scaling_document(model));
  analysis::run_in_parallel(model.series.size(), [&](std::size_t i) {
    const std::string name = "series/" + model.series[i].id;
    write_data(data / (name + ".js"), name, series_document(model, model.series[i]));
  });
  analysis::run_in_parallel(model.timelines.size(), [&](std::size_t i) {
    const std::string name = fmt::format("environment/{}", i);
    write_data(data / (name + ".js"), name, environment_document(model.timelines[i]));
  });
  write_details(model, options, folder);
  write_comparisons(model, data);
  for (const BundleFile& file : bundle_files()) write_file(folder / file.name, file.bytes);
}

}  // namespace

SiteReport build_site(const SiteOptions& options) {
  check_replaceable(options.out);
  const AllRecordings all = read_recordings(options.results);
  const Model model = build_model(all);
  SiteReport report;
  report.recordings = all.recordings.size();
  report.unreadable = model.unreadable.size();
  for (const RecordingData& recording : all.recordings) report.rows += recording.rows;
  report.series = model.series.size();
  report.groups = model.groups.size();
  report.synthetic = model.synthetic;

  const fs::path out = fs::absolute(options.out).lexically_normal();
  const fs::path parent = out.has_filename() ? out.parent_path() : out.parent_path().parent_path();
  const fs::path target = out.has_filename() ? out : out.parent_path();
  const std::string name = target.filename().string();
  const fs::path fresh = parent / fmt::format(".{}.new-{}", name, getpid());
  const fs::path old = parent / fmt::format(".{}.old-{}", name, getpid());
  fs::create_directories(parent);
  try {
    write_site(model, options, report, fresh);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    throw;
  }
  if (fs::exists(target)) fs::rename(target, old);
  fs::rename(fresh, target);
  fs::remove_all(old);
  return report;
}

}  // namespace notifier::site
