// SPDX-License-Identifier: MIT
#include "analysis/compare/read_input.hpp"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>

#include "analysis/compare/parallel.hpp"
#include "analysis/compare/read_google_benchmark.hpp"
#include "analysis/compare/read_recording.hpp"
#include "analysis/files.hpp"

namespace notifier::analysis {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> expand_glob(const std::string& pattern) {
  glob_t matches{};
  std::vector<fs::path> paths;
  if (glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
    paths.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  }
  globfree(&matches);
  return paths;
}

void find_recordings(const fs::path& folder, std::set<fs::path>& sources) {
  if (fs::exists(folder / "summary.csv")) {
    sources.insert(folder);
    return;
  }
  const std::size_t before = sources.size();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == "summary.csv") sources.insert(entry.path().parent_path());
  }
  if (sources.size() == before) {
    throw InputError(folder.string(), 0, 0, "no summary.csv in this folder or below");
  }
}

// A folder of a recording, or a file of Google Benchmark.
std::set<fs::path> find_sources(const std::vector<std::string>& inputs) {
  std::set<fs::path> sources;
  for (const std::string& input : inputs) {
    std::vector<fs::path> paths = {input};
    if (!fs::exists(input)) paths = expand_glob(input);
    if (paths.empty()) throw InputError(input, 0, 0, "no such file or folder, and no glob matches");
    for (const fs::path& path : paths) {
      fs::path clean = path.lexically_normal();
      if (!clean.has_filename()) clean = clean.parent_path();  // a slash at the end
      if (fs::is_directory(clean)) {
        find_recordings(clean, sources);
      } else if (clean.filename() == "samples.csv" || clean.filename() == "manifest.json") {
        find_recordings(clean.parent_path().empty() ? fs::path(".") : clean.parent_path(), sources);
      } else {
        sources.insert(clean);
      }
    }
  }
  return sources;
}

bool is_summary(const fs::path& file) {
  std::ifstream in = open_input(file);
  CsvReader reader(in, file.string());
  const std::vector<std::string_view>* header = reader.next();
  if (header == nullptr) throw InputError(file.string(), 0, 0, "empty: no header line");
  return std::find(header->begin(), header->end(), "case_name") != header->end();
}

char first_character(const fs::path& file) {
  std::ifstream in = open_input(file);
  char character = '\0';
  in >> character;
  return character;
}

RunSet read_source(const fs::path& source, EventSet events) {
  if (fs::is_directory(source)) return read_recording_folder(source, events);
  if (first_character(source) == '{') {
    return read_google_benchmark_json(read_text_file(source), source.string());
  }
  RunSet runs;
  std::ifstream in = open_input(source);
  if (is_summary(source)) {
    read_summary_runs(in, source.string(), events, runs);
    return runs;
  }
  return read_google_benchmark_csv(in, source.string());
}

}  // namespace

void merge_runs(RunSet&& more, RunSet& runs) {
  const std::size_t offset = runs.recordings.size();
  for (RecordingInfo& recording : more.recordings) {
    for (const RecordingInfo& known : runs.recordings) {
      if (known.name == recording.name && known.machine == recording.machine) {
        throw InputError(recording.source, 0, 0,
                         "recording '" + recording.name + "' of " + recording.machine +
                             " was read already, from " + known.source);
      }
    }
    runs.recordings.push_back(std::move(recording));
  }
  for (CaseRun& run : more.runs) {
    run.recording += offset;
    runs.runs.push_back(std::move(run));
  }
}

RunSet read_inputs(const std::vector<std::string>& inputs, EventSet events) {
  const std::set<fs::path> found = find_sources(inputs);
  const std::vector<fs::path> sources(found.begin(), found.end());
  std::vector<RunSet> parts(sources.size());
  run_in_parallel(sources.size(),
                  [&](std::size_t i) { parts[i] = read_source(sources[i], events); });
  RunSet runs;
  for (RunSet& part : parts) merge_runs(std::move(part), runs);
  std::stable_sort(runs.runs.begin(), runs.runs.end(), [](const CaseRun& a, const CaseRun& b) {
    return std::tie(a.identity.case_name, a.identity.recording, a.identity.run) <
           std::tie(b.identity.case_name, b.identity.recording, b.identity.run);
  });
  return runs;
}

}  // namespace notifier::analysis
