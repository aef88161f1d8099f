// SPDX-License-Identifier: MIT
// Where the CPU is not an x86-64 one.
#include "softgpu/core/engine.hpp"
#include "softgpu/core/settings.hpp"

namespace softgpu {

std::unique_ptr<Engine> make_engine(const Settings& settings, std::string& problem) {
  if (settings.engine == EngineKind::kKvm) {
    problem = "SOFTGPU_ENGINE=kvm: written for x86-64 only";
  }
  return nullptr;
}

}  // namespace softgpu
