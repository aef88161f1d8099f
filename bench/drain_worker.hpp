// SPDX-License-Identifier: MIT
// A drain case in a worker of its XNACK mode: what the parent sends, and the task that answers.
#pragma once

#include <nlohmann/json.hpp>

#include "bench/drain_cases.hpp"
#include "harness/worker.hpp"

namespace notifier {

nlohmann::json to_json(const DrainRequest& request);
/// Throws std::invalid_argument for a case that does not exist.
DrainRequest drain_request_from_json(const nlohmann::json& json);

/// What a worker of notifier_drain can be asked for. Answers with samples and a CaseResult.
WorkerTasks drain_tasks();

}  // namespace notifier
