// SPDX-License-Identifier: MIT
#include "harness/worker_protocol.hpp"

#include <sstream>

namespace notifier {
namespace {

using nlohmann::json;

template <typename Row>
std::string row_to_csv(std::span<const analysis::Column<Row>> columns, const Row& row) {
  std::ostringstream out;
  analysis::CsvWriter writer(out);
  analysis::write_row(columns, row, writer);
  return out.str();
}

template <typename Row>
Row row_from_csv(std::span<const analysis::Column<Row>> columns, const std::string& line) {
  std::ostringstream header;
  analysis::CsvWriter writer(header);
  analysis::write_header(columns, writer);
  std::istringstream in(header.str() + line);
  analysis::RowReader<Row> reader(columns, in, "message");
  Row row;
  if (!reader.next(row)) throw analysis::InputError("message", 0, 0, "no row");
  return row;
}

// Columns that only the parent can fill must not be empty in a row that is read back.
constexpr const char* kFilledByParent = "-";

}  // namespace

json to_json(const DeviceInfo& device) {
  return {{"platform", device.platform},
          {"name", device.name},
          {"architecture", device.architecture},
          {"uuid", device.uuid},
          {"compute_units", device.compute_units},
          {"lanes_per_wave", device.lanes_per_wave},
          {"waves_of_full_context", device.waves_of_full_context},
          {"node_id", device.node_id},
          {"gpu_id", device.gpu_id},
          {"numa_node", device.numa_node},
          {"placement", device.placement},
          {"hip_runtime_version", device.hip_runtime_version},
          {"hip_driver_version", device.hip_driver_version},
          {"driver_events", device.driver_events}};
}

DeviceInfo device_from_json(const json& json) {
  DeviceInfo device;
  device.platform = json.at("platform");
  device.name = json.at("name");
  device.architecture = json.at("architecture");
  device.uuid = json.at("uuid");
  device.compute_units = json.at("compute_units");
  device.lanes_per_wave = json.at("lanes_per_wave");
  device.waves_of_full_context = json.at("waves_of_full_context");
  device.node_id = json.at("node_id");
  device.gpu_id = json.at("gpu_id");
  device.numa_node = json.at("numa_node");
  device.placement = json.at("placement");
  device.hip_runtime_version = json.at("hip_runtime_version");
  device.hip_driver_version = json.at("hip_driver_version");
  device.driver_events = json.at("driver_events");
  return device;
}

json to_json(const CaseRequest& request) {
  return {{"type", "run"},
          {"case", request.wanted.name()},
          {"events", request.events},
          {"seed", request.seed},
          {"waves", request.grid.waves},
          {"lanes_per_wave", request.grid.lanes_per_wave},
          {"trace_all", request.trace_all},
          {"without", static_cast<int>(request.without)},
          {"sacrifice", request.sacrifice},
          {"spare_hazards", request.spare_hazards},
          {"bystanders", request.bystanders.words()},
          {"kernel_trace", request.kernel_trace},
          {"plant", request.plant},
          {"recording_start_ns", request.recording_start_ns},
          {"patience_ms", request.patience.count()},
          {"time_limit_ms", request.time_limit.count()}};
}

CaseRequest request_from_json(const json& json) {
  CaseRequest request;
  const std::string name = json.at("case");
  const std::optional<Case> wanted = parse_case(name);
  if (!wanted) throw std::invalid_argument("unknown case " + name);
  request.wanted = *wanted;
  request.events = json.at("events");
  request.seed = json.at("seed");
  request.grid = {json.at("waves"), json.at("lanes_per_wave")};
  request.without = static_cast<Observation>(json.at("without").get<int>());
  request.trace_all = json.at("trace_all");
  request.sacrifice = json.at("sacrifice");
  request.spare_hazards = json.at("spare_hazards");
  request.bystanders = parse_bystanders(json.at("bystanders").get<std::string>()).value();
  request.kernel_trace = json.at("kernel_trace");
  request.plant = json.at("plant");
  request.recording_start_ns = json.at("recording_start_ns");
  request.patience = std::chrono::milliseconds(json.at("patience_ms").get<std::int64_t>());
  request.time_limit = std::chrono::milliseconds(json.at("time_limit_ms").get<std::int64_t>());
  return request;
}

json to_json(const CaseResult& result) {
  analysis::SummaryRow row = result.identity;
  for (std::string* field : {&row.recording, &row.machine, &row.platform, &row.device, &row.boot_id,
                             &row.kernel_release, &row.started_utc}) {
    *field = kFilledByParent;
  }
  json values = json::array();
  for (const analysis::RunValue& value : result.run_values) {
    values.push_back(
        {{"metric", std::string(analysis::info(value.metric).name)}, {"value", value.value}});
  }
  return {{"type", "result"},
          {"row", row_to_csv(analysis::summary_columns(), row)},
          {"values", values},
          {"violations", result.violations},
          {"evictions_expected", result.evictions_expected},
          {"evictions_observed", result.evictions_observed},
          {"violations_at_end", result.violations_at_end},
          {"events_done", result.events_done},
          {"bystanders", result.bystanders},
          {"traces", result.traces}};
}

CaseResult result_from_json(const json& json) {
  CaseResult result;
  result.identity = row_from_csv(analysis::summary_columns(), json.at("row"));
  for (const auto& value : json.at("values")) {
    const std::string name = value.at("metric");
    const std::optional<analysis::Metric> metric = analysis::find_metric(name);
    if (metric) result.run_values.push_back({*metric, value.at("value")});
  }
  result.violations = json.at("violations").get<std::vector<std::string>>();
  result.evictions_expected = json.at("evictions_expected");
  result.evictions_observed = json.at("evictions_observed");
  result.violations_at_end = json.at("violations_at_end");
  result.events_done = json.at("events_done");
  json.at("bystanders").get_to(result.bystanders);
  result.traces = json.at("traces").get<std::vector<nlohmann::json>>();
  return result;
}

std::string to_csv(const analysis::SampleRow& row) {
  analysis::SampleRow complete = row;
  complete.recording = kFilledByParent;
  return row_to_csv(analysis::sample_columns(), complete);
}

analysis::SampleRow sample_from_csv(const std::string& line) {
  return row_from_csv(analysis::sample_columns(), line);
}

}  // namespace notifier
