// SPDX-License-Identifier: MIT
// The worst events of a recording in the Trace Event Format (JSON object form), which Perfetto and
// chrome://tracing open. Pure but for write_trace().
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace notifier {

/// Events (as trace_event() makes them) of each case that are worth showing.
class TraceCollection {
 public:
  /// Keeps the `worst` longest stalls of a case.
  explicit TraceCollection(std::size_t worst) : worst_(worst) {}

  /// With `all`, keeps each.
  void add(const std::string& case_name, std::int64_t run, std::vector<nlohmann::json> events,
           bool all);
  bool empty() const { return cases_.empty(); }

  /// {"traceEvents": [...]}: a process per case; a track for caller, supervisor, restore worker,
  /// child and each wave; a flow from the call over the eviction to the wave that stood longest.
  nlohmann::json to_json() const;

 private:
  std::size_t worst_;
  std::map<std::string, std::vector<nlohmann::json>> cases_;
};

}  // namespace notifier
