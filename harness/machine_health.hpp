// SPDX-License-Identifier: MIT
// Asked after each case whether the machine is still what it was.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernel_log.hpp"
#include "system_view.hpp"

namespace notifier {

struct HealthFinding {
  bool stops_run = false;
  std::string what;     // "GPU reset", "new kernel taint W", ...
  std::string text;     // the log line
  std::string way_out;  // what to do about it
};

class MachineHealth {
 public:
  /// Notes the present state; only what happens afterwards is found.
  explicit MachineHealth(const SystemView& view);

  /// What happened since the last call. Nothing found does not mean nothing happened where
  /// blind_spots() is not empty.
  std::vector<HealthFinding> check();

  /// What cannot be observed here, and why.
  const std::vector<std::string>& blind_spots() const { return blind_spots_; }

 private:
  void check_taint(std::vector<HealthFinding>& findings);

  SystemView view_;
  std::unique_ptr<KernelLog> log_;  // null where it cannot be read
  std::optional<std::uint64_t> taint_;
  std::vector<std::string> blind_spots_;
};

/// Letters of a taint mask as the kernel prints them (kernel/panic.c taint_flags).
std::string taint_letters(std::uint64_t mask);

}  // namespace notifier
