// SPDX-License-Identifier: MIT
#include "softgpu/core/plant.hpp"

#include "softgpu/core/wave.hpp"

namespace softgpu {

bool plant_watches_accesses(Plant plant) {
  return plant == Plant::kLost || plant == Plant::kTorn || plant == Plant::kZero ||
         plant == Plant::kForeign;
}

std::uint64_t planted_load(Wave&, std::uintptr_t, std::uint64_t value) { return value; }

void planted_store(Wave&, std::uintptr_t, std::uint64_t* word, std::uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

}  // namespace softgpu
