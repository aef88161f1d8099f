// SPDX-License-Identifier: MIT
#pragma once

#include "softgpu/core/range.hpp"

namespace softgpu {

/// Intrusive list of invalid ranges; a range is in one list at most. Allocates nothing. The caller
/// holds the registry lock.
class RangeList {
 public:
  Range* front() const { return first_; }
  bool empty() const { return first_ == nullptr; }

  void push_back(Range& range) {
    range.previous_invalid = last_;
    range.next_invalid = nullptr;
    (last_ != nullptr ? last_->next_invalid : first_) = &range;
    last_ = &range;
    range.listed_invalid = true;
  }

  void remove(Range& range) {
    (range.previous_invalid != nullptr ? range.previous_invalid->next_invalid : first_) =
        range.next_invalid;
    (range.next_invalid != nullptr ? range.next_invalid->previous_invalid : last_) =
        range.previous_invalid;
    range.listed_invalid = false;
  }

 private:
  Range* first_ = nullptr;
  Range* last_ = nullptr;
};

}  // namespace softgpu
