// SPDX-License-Identifier: MIT
// Where kernels run, if not on the process's own threads through the software MMU.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "softgpu/core/queue.hpp"
#include "softgpu/core/range.hpp"

namespace softgpu {

struct Settings;

/// A device whose page tables somebody else keeps: neither notifier nor restore work nor fault
/// server of ours has anything to do, and every range is reachable as long as its memory is.
class Engine {
 public:
  virtual ~Engine() = default;

  /// The range becomes reachable at its own addresses. Empty on success, else why not.
  virtual std::string add(const Range& range) = 0;
  virtual void remove(const Range& range) = 0;

  /// Makes the operation run this kernel. Empty on success, else why not.
  virtual std::string load(Operation& operation, const char* kernel_name) = 0;

  /// Makes every wave come back to its preemption point, from now on.
  virtual void stop_for_good() = 0;

  virtual std::uint64_t clock_ticks() const = 0;
  virtual const char* device_name() const = 0;
};

/// The engine that the settings ask for (SOFTGPU_ENGINE); null, and no problem, for the software
/// MMU.
std::unique_ptr<Engine> make_engine(const Settings& settings, std::string& problem);

}  // namespace softgpu
