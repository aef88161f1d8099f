// SPDX-License-Identifier: MIT
// When one stop of the device went through its phases, and delays that a test may put into one of
// them (SOFTGPU_HOLD): the decomposition of a stall is checked against both.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace softgpu {

class WaveTable;

/// CLOCK_BOOTTIME in ns, as the driver's event lines; 0 is unknown. A stop begins with the first
/// eviction and ends when no domain is evicted any more.
struct StopTimes {
  std::uint64_t evicted_ns = 0;        // the eviction line was written
  std::uint64_t notified_ns = 0;       // the notifier let the held call go on
  std::uint64_t restore_began_ns = 0;  // the change was done and the worker began with the pages
  std::uint64_t first_parked_ns = 0;   // stamped by the waves themselves, on leaving the kernel ...
  std::uint64_t last_parked_ns = 0;
  std::uint64_t first_resumed_ns = 0;  // ... and on going back to it
  std::uint64_t last_resumed_ns = 0;
};

/// Waits until the waves that `times` is about run again, then fills in their stamps. They stay 0
/// where a wave is stopped again, or ended, meanwhile.
void take_wave_times(WaveTable& waves, StopTimes& times);

enum class HoldPhase : std::uint32_t { kNone, kNotifier, kRevalidation, kResume };

/// A delay in one phase of every eviction.
class Hold {
 public:
  /// "notifier:5ms", "revalidation:50ms" or "resume:200us". False when it is none of these.
  bool parse(std::string_view text);
  void set(HoldPhase phase, std::uint64_t duration_ns);

  /// Called in each phase: waits if this one is held. Neither allocates nor locks.
  void wait_in(HoldPhase phase);

  /// How long the last hold took, measured.
  std::uint64_t last_ns() const { return last_ns_.load(std::memory_order_acquire); }

 private:
  std::atomic<HoldPhase> phase_{HoldPhase::kNone};
  std::atomic<std::uint64_t> duration_ns_{0};
  std::atomic<std::uint64_t> last_ns_{0};
};

Hold& hold();

}  // namespace softgpu
