// SPDX-License-Identifier: MIT
// notifier_bench --probe: what this machine is, what can be measured on it, and why not the rest.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "system_view.hpp"

namespace notifier {

// A case family to be judged; the bench gives its own, which know more than the names do.
struct ProbedCase {
  std::string memory;
  std::string backing;
  std::string perturbation;
  std::string recovery;
};

/// environment, capabilities, expected_register_path, other_users, cases and runnable (on
/// `platform`). Each entry of cases has the parts of its name and "runs", with the reason if not.
nlohmann::json probe(const SystemView& view, std::string_view platform,
                     const std::vector<ProbedCase>& cases);

/// The same for a person.
std::string probe_text(const nlohmann::json& probed);

/// 0 when something can run on the platform that was probed, else 77.
int probe_exit_code(const nlohmann::json& probed);

}  // namespace notifier
