// SPDX-License-Identifier: MIT
// The end of the process while its kernel runs, in a worker of its own each time. One row each.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr std::string_view kWorkerGone = "the end of the worker, for which its parent waits";

using namespace perturbation_calls;

constexpr Perturbation ending(std::string_view name, std::string_view summary,
                              std::string_view misleads, void (*perform)(EventContext&)) {
  return {.name = name,
          .summary = summary,
          .scope = Scope::kProcess,
          .ends_process = true,
          .hazard = "the driver must take a running queue away from a dying process",
          .evictions_source =
              "mm/mmap.c exit_mmap, RELEASE: KFD ends the queues, nothing is "
              "restored; nobody is left to read its events",
          .misleads = misleads,
          .proof = {.shown_by = kWorkerGone},
          .perform = perform};
}

constexpr std::array kRows{
    ending(
        "exit_running", "_exit() while the kernel runs",
        "call is the time until the process is gone, as its parent sees it: the memory goes with "
        "it",
        perform_exit_running),
    ending("kill_running", "SIGKILL while the kernel runs",
           "as exit_running, with the signal's delivery", perform_kill_running),
    ending("exec_running", "exec of /bin/true while the kernel runs",
           "as exit_running; on the software GPU the new program soon fails, since nobody answers "
           "its system calls (docs/softgpu.md)",
           perform_exec_running),
};

}  // namespace

std::span<const Perturbation> ending_perturbations() { return kRows; }

}  // namespace notifier
