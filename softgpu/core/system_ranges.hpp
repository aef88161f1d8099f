// SPDX-License-Identifier: MIT
// Ranges that a retry fault makes in memory the device has not been told of, as KFD's
// svm_range_create_unregistered_range (kfd_facts §2): what `system` memory is made of.
#pragma once

#include "softgpu/core/proc_maps.hpp"
#include "softgpu/core/registry.hpp"

namespace softgpu {

/// Does not call malloc: threads of the program may be held while they own its locks. All functions
/// are called under the memory lock.
class SystemRanges {
 public:
  explicit SystemRanges(Registry& registry) : registry_(registry) {}

  /// Makes a range around the address: at most one block, within the mapping, beside what is in
  /// ranges already. Null when the address belongs to some range.
  Range* adopt(std::uintptr_t address, const Vma& vma);

  /// Frees ranges of which nothing is mapped any more.
  void collect();

 private:
  static constexpr std::size_t kSlotsPerSlab = 64;

  struct Slot {
    Range range;
    std::uint64_t entries[kBlockPages];
    std::uint64_t validated_ns;
    Slot* next;  // free, or in use
  };

  bool shrink_to_unowned(std::uintptr_t address, std::uintptr_t& begin, std::uintptr_t& end) const;
  Slot* take_slot();
  void fill(Slot& slot, std::uintptr_t begin, std::uintptr_t end);

  Registry& registry_;
  std::uint64_t made_ = 0;
  Slot* free_ = nullptr;
  Slot* used_ = nullptr;
};

}  // namespace softgpu
