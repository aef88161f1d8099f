// SPDX-License-Identifier: MIT
#include "softgpu/kvm/stale_plant.hpp"

#include <cstring>

#include "softgpu/core/control_memory.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu::kvm {

void StalePage::watch(const Range& range) {
  const std::lock_guard lock(lock_);
  const bool holds_data =
      range.origin == RangeOrigin::kHostRegister || range.origin == RangeOrigin::kManaged;
  if (armed_ && holds_data && range.page_count > page_count_) {
    begin_ = range.host_begin;
    page_count_ = range.page_count;
  }
}

void StalePage::forget(const Range& range) {
  const std::lock_guard lock(lock_);
  if (range.host_begin == begin_) {
    begin_ = 0;
    page_count_ = 0;
  }
}

void StalePage::plant() {
  const std::lock_guard lock(lock_);
  if (!armed_ || page_count_ == 0) {
    return;
  }
  armed_ = false;
  const std::uintptr_t page = begin_ + page_count_ / 2 * kPageSize;
  void* copy = control_memory(kPageSize);
  std::memcpy(copy, reinterpret_cast<const void*>(page), kPageSize);
  const std::string problem = machine_.replace_page(page, reinterpret_cast<std::uintptr_t>(copy));
  if (!problem.empty()) {
    fail("SOFTGPU_PLANT=stale: %s", problem.c_str());
  }
}

}  // namespace softgpu::kvm
