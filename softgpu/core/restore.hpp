// SPDX-License-Identifier: MIT
// The restore worker: validates what was invalidated, then lets the device run again (KFD's
// amdgpu_amdkfd_restore_userptr_worker and svm_range_restore_work; kfd_facts §1, §2).
#pragma once

#include <cstdint>

#include "softgpu/core/audit.hpp"
#include "softgpu/core/fork_tracker.hpp"
#include "softgpu/core/memory.hpp"
#include "softgpu/core/notifier.hpp"
#include "softgpu/core/settings.hpp"

namespace softgpu {

class RestoreWorker {
 public:
  struct Parts {
    Registry& registry;
    DriverEvents& events;
    Notifier& notifier;
    ForkTracker& forks;
    Auditor& auditor;
    Memory& memory;
    const Pagemap& pagemap;
  };

  RestoreWorker(const Parts& parts, const Settings& settings);

  /// Body of the thread. Does not allocate: held threads may own malloc's locks.
  [[noreturn]] void serve();

 private:
  bool any_due(std::uint64_t now_ns, std::int64_t& wait_ns);
  std::int64_t resolve_settled_fork_policies();
  void restore(EvictionDomain& domain);
  void dawdle(EvictionDomain& domain);
  void stage_all(RangeKind kind);
  Range* take_next(RangeKind kind);
  bool is_staged(const Range& range) const;
  bool commit_staged(RangeKind kind);
  void finish_pass(EvictionDomain& domain);

  const Parts parts_;
  const bool resumes_early_;            // planted fault
  const std::uint32_t slower_percent_;  // planted, 0 otherwise
  std::uint64_t pass_ = 0;
};

}  // namespace softgpu
