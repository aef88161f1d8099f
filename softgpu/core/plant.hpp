// SPDX-License-Identifier: MIT
// Planted faults (SOFTGPU_PLANT): wrong on purpose, so that a self-test can prove that each kind of
// damage is caught. Only ranges that hold the program's data are touched, never hipHostMalloc's.
#pragma once

#include <cstdint>

#include "softgpu/core/settings.hpp"

namespace softgpu {

class Wave;

/// Accesses through the slow path while a plant watches (kAttentionPlant). `value` is what the
/// memory holds; the return value is what the kernel sees.
std::uint64_t planted_load(Wave& wave, std::uintptr_t device_address, std::uint64_t value);
void planted_store(Wave& wave, std::uintptr_t device_address, std::uint64_t* word,
                   std::uint64_t value);

/// True for plants that act on single accesses.
bool plant_watches_accesses(Plant plant);

}  // namespace softgpu
