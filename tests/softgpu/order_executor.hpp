// SPDX-License-Identifier: MIT
// A kernel that makes single accesses on demand.
#pragma once

#include <hip/hip_runtime_api.h>

#include <cstdint>

namespace softgpu_test {

struct Order;

/// A wave that makes one access after the other; or a job of its own for each, for devices whose
/// kernels must end.
class OrderExecutor {
 public:
  explicit OrderExecutor(bool job_each);

  /// Device addresses of aligned words.
  std::uint64_t load(std::uint64_t address);
  void store(std::uint64_t address, std::uint64_t value);

  /// Ends the kernel.
  void stop();

 private:
  void give(std::uint64_t address, std::uint64_t is_store, std::uint64_t value);

  void launch(const void* kernel);

  const bool job_each_;
  Order* order_ = nullptr;
  hipStream_t stream_ = nullptr;
  std::uint64_t given_ = 0;
};

}  // namespace softgpu_test
