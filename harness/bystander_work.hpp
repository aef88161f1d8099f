// SPDX-License-Identifier: MIT
// Work of somebody who takes no part in the perturbation: a wave on device memory, which no call
// of the CPU changes. It stands still only when the driver stops its queue for somebody else's
// sake.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/buffer.hpp"
#include "harness/driver_event_listener.hpp"
#include "harness/integrity.hpp"
#include "harness/worker_protocol.hpp"
#include "harness/workload_driver.hpp"

namespace notifier {

struct BystanderOptions {
  Recovery recovery = Recovery::kPreempt;
  Context context = Context::kSmall;  // jobs that end by themselves, where that is asked for
  std::uint64_t seed = 0;
  std::chrono::milliseconds patience{20'000};
  std::chrono::milliseconds lifetime{120'000};  // after which its kernel ends by itself
};

/// What it paid between open() and close().
struct BystanderReading {
  double stall_ns = 0;
  std::optional<std::int64_t> evictions;  // empty where nobody listens to the device's driver
};

/// Of its own data, which the perturbation must leave alone as well.
struct BystanderFindings {
  ViolationCounts violations;
  std::uint64_t words_checked = 0;
  std::vector<std::string> kept;  // violations in words
};

class BystanderWork {
 public:
  /// Allocates on the HIP device `ordinal`; launches nothing. `driver_events` (of that device) may
  /// be null.
  BystanderWork(int ordinal, const DeviceInfo& device, const BystanderOptions& options,
                DriverEventListener* driver_events);
  ~BystanderWork();
  BystanderWork(const BystanderWork&) = delete;
  BystanderWork& operator=(const BystanderWork&) = delete;

  void launch();
  /// Forgets the longest gap so far.
  void open();
  /// After the wave has made progress once more, so that a gap that is under way has ended.
  BystanderReading close();
  void stop();
  BystanderFindings findings() const;

 private:
  int ordinal_;
  double tick_ns_;
  DriverEventListener* driver_events_;
  std::uint64_t cursor_ = 0;
  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<WorkloadDriver> work_;
};

}  // namespace notifier
