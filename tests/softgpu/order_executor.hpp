// SPDX-License-Identifier: MIT
// A kernel that makes accesses on demand.
#pragma once

#include <hip/hip_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace softgpu_test {

struct Order;

/// A wave that carries out one order after the other; or a job of its own for each, for devices
/// whose kernels must end. Addresses are the device's, of aligned words.
class OrderExecutor {
 public:
  static constexpr std::size_t kMaximumWords = 4096;

  explicit OrderExecutor(bool job_each);

  std::uint64_t load(std::uint64_t address);
  void store(std::uint64_t address, std::uint64_t value);

  /// Words in a row.
  std::vector<std::uint64_t> load(std::uint64_t address, std::size_t words);
  void store(std::uint64_t address, std::span<const std::uint64_t> values);

  /// Does not wait for the stores: is_done() tells, wait() returns when they have been made.
  void begin_store(std::uint64_t address, std::span<const std::uint64_t> values);
  bool is_done() const;
  void wait();

  /// Ends the kernel.
  void stop();

 private:
  void begin(std::uint64_t address, std::size_t words, bool is_store);
  void launch(const void* kernel);

  const bool job_each_;
  Order* order_ = nullptr;
  hipStream_t stream_ = nullptr;
  std::uint64_t given_ = 0;
};

}  // namespace softgpu_test
