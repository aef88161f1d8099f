// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "analysis/compare/google_benchmark_runs.hpp"
#include "analysis/compare/read_google_benchmark.hpp"
#include "analysis/json_text.hpp"

namespace notifier::analysis {
namespace {

using nlohmann::json;

// Numbers in a benchmark's entry that are no counters.
constexpr std::array<std::string_view, 9> kNotCounters = {
    "family_index", "per_family_instance_index",
    "repetitions",  "repetition_index",
    "threads",      "iterations",
    "real_time",    "cpu_time",
    "complexity_n",
};

std::string text_of(const json& entry, const char* field) {
  const auto found = entry.find(field);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

class JsonLoader {
 public:
  explicit JsonLoader(const std::string& file_name) : file_name_(file_name), runs_(file_name) {}

  RunSet load(const json& document) {
    const auto benchmarks = document.find("benchmarks");
    if (!document.is_object() || benchmarks == document.end() || !benchmarks->is_array()) {
      throw InputError(file_name_, 0, 0, "has no list 'benchmarks'");
    }
    if (const auto context = document.find("context"); context != document.end()) {
      read_context(*context);
    }
    std::size_t number = 0;
    for (const json& entry : *benchmarks) add(entry, number++);
    return runs_.take();
  }

 private:
  [[noreturn]] void fail(std::size_t number, const std::string& message) const {
    throw InputError(file_name_, 0, 0, "benchmarks[" + std::to_string(number) + "]: " + message);
  }

  void read_context(const json& context) {
    if (!context.is_object()) throw InputError(file_name_, 0, 0, "'context' is not an object");
    RecordingInfo& recording = runs_.recording();
    recording.started_utc = text_of(context, "date");
    const std::string machine = text_of(context, "host_name");
    if (!machine.empty()) recording.machine = machine;
    const std::string executable = text_of(context, "executable");
    if (!executable.empty()) recording.command = {executable};
    for (const auto& [key, value] : context.items()) {
      if (key == "date" || key == "load_avg" || key == "host_name" || key == "executable") continue;
      recording.environment[key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }

  void add(const json& entry, std::size_t number) {
    if (!entry.is_object()) fail(number, "is not an object");
    if (text_of(entry, "run_type") == "aggregate") return;
    std::string name = text_of(entry, "run_name");
    if (name.empty()) name = text_of(entry, "name");
    if (name.empty()) fail(number, "has no name");
    CaseRun& run = runs_.add_run(name);
    const auto error = entry.find("error_occurred");
    if (error != entry.end() && error->is_boolean() && error->get<bool>()) {
      run.identity.status = Status::kFailed;
      run.identity.reason = text_of(entry, "error_message");
      return;
    }
    const auto factor = GoogleBenchmarkRuns::nanoseconds_per(text_of(entry, "time_unit"));
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_number()) continue;
      if (key == "real_time" || key == "cpu_time") {
        if (!factor) fail(number, "unknown time_unit");
        if (value.get<double>() < 0) fail(number, "a negative " + key);
        GoogleBenchmarkRuns::add_time(run, key, value.get<double>() * *factor);
      } else if (std::find(kNotCounters.begin(), kNotCounters.end(), key) == kNotCounters.end()) {
        GoogleBenchmarkRuns::add_counter(run, key, value.get<double>());
      }
    }
  }

  std::string file_name_;
  GoogleBenchmarkRuns runs_;
};

}  // namespace

RunSet read_google_benchmark_json(std::string_view text, const std::string& file_name) {
  return JsonLoader(file_name).load(parse_json(text, file_name));
}

}  // namespace notifier::analysis
