// SPDX-License-Identifier: MIT
#include "bench/eviction_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "harness/perturbation.hpp"

namespace notifier {
namespace {

constexpr std::string_view kIntroduction = R"(
## Evictions in KFD and on the software GPU

Queue evictions per event, of private memory that is inherited by fork: KFD (from its source, named at each row below)
/ software GPU (end-to-end tests compare: `Results.*AreThoseOfTheTable`). One number where both are the same; -: there is no
such case. Waiting for jobs (on AMD `cwsr_enable=0`) evicts as preemption does. With retry faults an SVM range evicts
nothing, whatever the row: pages go out of the tables, and waves fault.

| perturbation | userptr BO, every recovery | SVM range, `preempt`, `wait_for_jobs` | SVM range, `retry_fault` | why they differ |
|---|---|---|---|---|
)";

constexpr std::string_view kDifferences = R"(
What belongs to the memory, not to the row:

- `hipHostRegister` memory is a userptr BO here, as up to ROCm 5.5; later it is an SVM range at the same address
  (kfd_facts §1). Column `memory_path` says which.
- `hipHostMalloc` memory is DONTFORK here, so no fork evicts it; in ROCm 6.0 to 7.0 it is inherited from 2 MiB on
  (kfd_facts §0.15).
- A range with GPU_ALWAYS_MAPPED evicts as in the middle column in every recovery, here as in KFD; KFD's own context save
  area is one (kfd_facts §0.6), which the software GPU does not have.
- KFD hears of what the kernel does by itself (compaction, khugepaged, NUMA balancing, KSM, reclaim, copy-on-write breaks);
  the software GPU hears of system calls only ([softgpu.md](softgpu.md), every memory operation).
)";

std::string text_of(const ExpectedEvictions& expected) {
  if (expected.most >= kAnyNumberOfEvictions) {
    return expected.least == 0 ? "any number" : fmt::format("{} or more", expected.least);
  }
  return expected.least == expected.most ? std::to_string(expected.least)
                                         : fmt::format("{} to {}", expected.least, expected.most);
}

/// With what the driver alone decides: rows that name no call for the memory.
ExpectedEvictions in_kfd(const Perturbation& row, const Reach& reach) {
  const bool unasked = row.evictions == 0 && row.evictions_most != 0 && !reach.retries();
  return unasked ? ExpectedEvictions{0, row.evictions_most} : expected_evictions(row, reach);
}

std::string cell(const Perturbation& row, MemoryPath path, Recovery recovery) {
  const bool svm = path == MemoryPath::kSvmRange;
  if (!svm && row.migration) return "-";
  // Unmapping an SVM range frees its pages without stopping queues (kfd_facts §0.8).
  if (svm && row.svm_fate == SvmFate::kEnds) return "0";
  const Reach reach{path, recovery, /*copied_by_fork=*/true};
  const std::string kfd = text_of(in_kfd(row, reach));
  const std::string softgpu = text_of(expected_on_softgpu(row, reach));
  return kfd == softgpu ? kfd : fmt::format("{} / {}", kfd, softgpu);
}

}  // namespace

std::string document_evictions() {
  std::string text(kIntroduction);
  for (const Perturbation& row : perturbations()) {
    fmt::format_to(std::back_inserter(text), "| {} | {} | {} | {} |{}\n", row.name,
                   cell(row, MemoryPath::kUserptrBo, Recovery::kPreempt),
                   cell(row, MemoryPath::kSvmRange, Recovery::kPreempt),
                   cell(row, MemoryPath::kSvmRange, Recovery::kRetryFault),
                   row.on_softgpu ? fmt::format(" {} |", row.on_softgpu->reason) : " |");
  }
  text += kDifferences;
  return text;
}

}  // namespace notifier
