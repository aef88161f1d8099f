// SPDX-License-Identifier: MIT
// Whether a run may start on this machine, and whether it may go on after a case.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpu_users.hpp"
#include "machine_health.hpp"
#include "probe_capabilities.hpp"
#include "system_view.hpp"

namespace notifier {

class RunSafety {
 public:
  /// Looks at the machine before the first worker is there, so that whoever uses the GPU now is
  /// somebody else (inside a container KFD's pids would not be ours to compare with).
  explicit RunSafety(const SystemView& view);

  /// Watches kernel log and taint of this view instead, from now on, and takes what they say for
  /// the device's on every platform: to see what a run does then, without harm to a GPU.
  void watch_instead(const SystemView& view);

  /// Why no persistent kernel may be started on `platform`, or nothing. Only real GPUs can be hung
  /// or shared: the software GPU is never refused.
  std::optional<std::string> refusal(std::string_view platform, bool share_gpu) const;

  /// The same for kernels that end by themselves, which need no CWSR: without it the driver waits
  /// for them.
  std::optional<std::string> refusal_to_share(std::string_view platform, bool share_gpu) const;

  /// Why this case cannot run here, or nothing.
  std::optional<std::string> case_refusal(const CaseParts& parts, std::string_view platform) const;

  /// Everything noteworthy that happened since the last call. On rocm the first finding that stops
  /// the run is the case's failure; elsewhere findings are only noted, since a kernel's complaint
  /// is then about something else.
  std::optional<std::string> check_after_case(std::string_view platform) {
    return check(platform, /*faults_expected=*/false);
  }
  /// The same where the GPU's memory faults in the log are what was measured.
  std::optional<std::string> check_after_fault(std::string_view platform) {
    return check(platform, /*faults_expected=*/true);
  }

  /// For the manifest: other users, findings, and what could not be observed.
  nlohmann::json to_json() const;

 private:
  std::optional<std::string> check(std::string_view platform, bool faults_expected);

  // First: reading the environment opens /dev/kfd, and from then until it ends this process is
  // itself one of KFD's (kfd_open calls kfd_create_process, whose entry outlives the descriptor),
  // inside a container under a pid that is not ours.
  GpuUsers others_;
  nlohmann::json environment_;
  std::vector<Capability> capabilities_;
  MachineHealth health_;
  bool watches_instead_ = false;
  nlohmann::json findings_ = nlohmann::json::array();
};

}  // namespace notifier
