// SPDX-License-Identifier: MIT
// Planted faults (SOFTGPU_PLANT): wrong on purpose, so that a self-test can prove that each kind of
// damage is caught. Only ranges that hold the program's data are touched, never hipHostMalloc's.
#pragma once

#include <cstdint>
#include <span>

#include "softgpu/core/settings.hpp"

namespace softgpu {

class Registry;
class Wave;
struct Interval;

/// Accesses through the slow path while a plant watches (kAttentionPlant). `value` is what the
/// memory holds; the return value is what the kernel sees.
std::uint64_t planted_load(Wave& wave, std::uintptr_t device_address, std::uint64_t value);
void planted_store(Wave& wave, std::uintptr_t device_address, std::uint64_t* word,
                   std::uint64_t value);

/// By a wave that was stopped, before it goes on: brings a word back wrong, of what its kernel
/// holds in registers and in local memory (LDS) in turn, from the second stop on.
void planted_context(Wave& wave);

/// Plant `stale`: the first invalidation of data is forgotten for one page. The device goes on with
/// a copy of the page as it was, in its own page table the old frame stays.
class StalePlant {
 public:
  explicit StalePlant(bool armed);

  /// For the supervisor, after waves have stopped and before the call proceeds.
  void take_page(Registry& registry, std::span<const Interval> intervals);

 private:
  bool armed_;
  void* copy_ = nullptr;
};

/// True for plants that act on single accesses.
bool plant_watches_accesses(Plant plant);

}  // namespace softgpu
