// SPDX-License-Identifier: MIT
#include "run_safety.hpp"

#include <fmt/format.h>

#include "environment.hpp"

namespace notifier {
namespace {

constexpr std::string_view kRealGpu = "rocm";

}  // namespace

RunSafety::RunSafety(const SystemView& view)
    : others_(find_gpu_users_at_rest(view)),
      environment_(read_environment(view)),
      capabilities_(capabilities(environment_)),
      health_(view) {}

void RunSafety::watch_instead(const SystemView& view) {
  health_ = MachineHealth(view);
  watches_instead_ = true;
}

std::optional<std::string> RunSafety::refusal(std::string_view platform, bool share_gpu) const {
  if (platform != kRealGpu) return std::nullopt;
  const Capability* persistent = find_capability(capabilities_, "persistent_kernel");
  if (persistent->available == Availability::kNo) return persistent->reason;
  return refusal_to_share(platform, share_gpu);
}

std::optional<std::string> RunSafety::refusal_to_share(std::string_view platform,
                                                       bool share_gpu) const {
  if (platform != kRealGpu || share_gpu) return std::nullopt;
  if (const auto shared = sharing_refusal(others_)) return *shared + "; --share-gpu runs anyway";
  return std::nullopt;
}

std::optional<std::string> RunSafety::case_refusal(const CaseParts& parts,
                                                   std::string_view platform) const {
  return why_not(capabilities_, parts, platform);
}

std::optional<std::string> RunSafety::check(std::string_view platform, bool faults_expected) {
  std::optional<std::string> failure;
  for (const HealthFinding& finding : health_.check()) {
    findings_.push_back({{"what", finding.what},
                         {"text", finding.text},
                         {"way_out", finding.way_out},
                         {"stops_run", finding.stops_run}});
    if (faults_expected && finding.what == to_string(HazardKind::kMemoryFault)) continue;
    const bool of_the_device = platform == kRealGpu || watches_instead_;
    if (!finding.stops_run || !of_the_device || failure) continue;
    failure = fmt::format("{}: {} ({})", finding.what, finding.text, finding.way_out);
  }
  return failure;
}

nlohmann::json RunSafety::to_json() const {
  return {{"other_gpu_users", notifier::to_json(others_)},
          {"findings", findings_},
          {"not_observed", health_.blind_spots()}};
}

}  // namespace notifier
