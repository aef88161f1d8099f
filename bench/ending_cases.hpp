// SPDX-License-Identifier: MIT
// Cases whose event is the end of the worker itself: a fresh one for each event.
#pragma once

#include <functional>

#include "harness/worker_process.hpp"

namespace notifier {

/// Runs request.events workers, each of which ends itself while its kernel runs, and a last one
/// that must find the device in order. The result and its samples look like those of any other
/// case; the only time is that from the call to the death.
RunOutcome run_ending_case(const CaseRequest& request, const std::function<bool()>& stop);

}  // namespace notifier
