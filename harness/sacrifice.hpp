// SPDX-License-Identifier: MIT
// Cases whose event is a fatal fault of the device: each event has a worker of its own, which does
// not outlive it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "harness/worker_process.hpp"

namespace notifier {

/// Events of such a case at most: each costs the start of a worker.
inline constexpr std::uint32_t kMostSacrifices = 10;

/// Runs the request's events (at most kMostSacrifices) in fresh workers, one after the other, until
/// one fails or `stop` says so. `check` is asked after each whether the machine is still what it
/// was; a reason ends it. The result is the last worker's, over all events.
RunOutcome run_sacrificial(const CaseRequest& request, const std::function<bool()>& stop,
                           const std::function<std::optional<std::string>()>& check);

}  // namespace notifier
