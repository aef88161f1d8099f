// SPDX-License-Identifier: MIT
// How long a system call waits for a finite job of the graphics path that works on the memory: the
// recovery `wait_for_jobs` of AMD GPUs (kfd_facts §0.36). A call that comes at a random moment of a
// job of length T waits between 0 and T, T/2 on average.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/finite_job_cases.hpp"
#include "harness/graphics/device.hpp"

namespace notifier {

/// What is done to the memory while the job runs.
struct GraphicsPerturbation {
  std::string_view name;
  std::string_view summary;
  void (*perform)(std::byte* begin, std::size_t size_bytes);  // the call, timed
  void (*finish)();                                           // join children
};
std::span<const GraphicsPerturbation> graphics_perturbations();

struct GraphicsCase {
  const GraphicsPerturbation* perturbation = nullptr;
  std::uint64_t size_bytes = 0;
  std::uint64_t job_ns = 0;

  FiniteJobNames names() const;
  /// "userptr/anon/dontneed/default/wait_for_jobs/job_5ms/4MiB".
  std::string name() const { return names().case_name(); }
};

/// Raised when the meaning of the numbers changes.
inline constexpr int kGraphicsCaseVersion = 1;

std::vector<GraphicsCase> all_graphics_cases();

struct GraphicsRequest {
  GraphicsCase wanted;
  FiniteJobRun run;
};

/// Each event: a job, the call at a random moment of it, the job's end, and one more job whose
/// result the CPU must find where the memory then is. recovery_observed says whether the job had
/// ended when the call returned: "wait_for_jobs" if it always had, "none" if never, else "mixed".
/// run_values has iteration_ns, the job's length.
FiniteJobResult run_graphics_case(const GraphicsRequest& request, graphics::Device& device);

}  // namespace notifier
