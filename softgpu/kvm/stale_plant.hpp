// SPDX-License-Identifier: MIT
// Planted fault `stale`: the device goes on with a copy of a page, as if it had not been told that
// the page moved.
#pragma once

#include <cstdint>
#include <mutex>

#include "softgpu/core/range.hpp"
#include "softgpu/kvm/machine.hpp"

namespace softgpu::kvm {

class StalePage {
 public:
  StalePage(Machine& machine, bool armed) : machine_(machine), armed_(armed) {}

  /// Ranges come and go; the largest one with the program's data is struck.
  void watch(const Range& range);
  void forget(const Range& range);

  /// Strikes once, before a kernel starts.
  void plant();

 private:
  Machine& machine_;
  std::mutex lock_;
  bool armed_;
  std::uintptr_t begin_ = 0;
  std::uint64_t page_count_ = 0;
};

}  // namespace softgpu::kvm
