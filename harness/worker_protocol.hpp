// SPDX-License-Identifier: MIT
// What parent and worker say to each other. Rows travel as the CSV they will be stored as, so that
// there is one encoding of them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/case_run.hpp"

namespace notifier {

/// Environment variable that names the worker's end of the socket.
inline constexpr const char* kWorkerSocketVariable = "NOTIFIER_WORKER_SOCKET";

/// The device as a worker found it.
struct DeviceInfo {
  std::string platform;  // "software", "kvm" or "rocm"
  std::string name;
  std::string architecture;
  std::string uuid;  // PCI address where the device reports no unique id
  std::uint32_t compute_units = 0;
  std::uint32_t lanes_per_wave = 0;
  std::uint32_t waves_of_full_context = 0;  // resident together, each with a full context
  std::uint32_t node_id = 0;
  std::uint32_t gpu_id = 0;
  int numa_node = -1;     // of the GPU; -1: not known
  std::string placement;  // where the worker keeps itself (gpu_locality.hpp)
  int hip_runtime_version = 0;
  int hip_driver_version = 0;
  std::string driver_events;  // source, or why there are none
};

nlohmann::json to_json(const DeviceInfo& device);
DeviceInfo device_from_json(const nlohmann::json& json);

nlohmann::json to_json(const CaseRequest& request);
CaseRequest request_from_json(const nlohmann::json& json);

nlohmann::json to_json(const CaseResult& result);
CaseResult result_from_json(const nlohmann::json& json);

std::string to_csv(const analysis::SampleRow& row);
analysis::SampleRow sample_from_csv(const std::string& line);

}  // namespace notifier
