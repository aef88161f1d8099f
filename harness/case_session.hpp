// SPDX-License-Identifier: MIT
// What one run of a case holds while it runs: memory, workload, clocks, driver events; and the
// measurement of a single event.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "harness/buffer.hpp"
#include "harness/case_run.hpp"
#include "harness/child_board.hpp"
#include "harness/clock_reader.hpp"
#include "harness/perturbation.hpp"
#include "harness/workload_driver.hpp"

namespace notifier {

struct CaseFindings {
  ViolationCounts violations;
  std::uint64_t words_checked = 0;
  std::uint64_t pages_moved_unseen = 0;
  std::uint64_t evictions = 0;
  std::uint64_t restores_rescheduled = 0;
  std::string recovery_observed = "none";
  std::optional<double> clock_residual_ns;
  double iteration_ns = 0;
  double register_ns = 0;
  std::vector<std::string> kept;  // violations in words
};

/// Nine passes visit every word of the buffer at least once from any moment on.
inline constexpr std::uint64_t kFullCheckPasses = kWordsPerLine + 1;

/// Pages that the kernel has migrated since boot, for compaction, NUMA balancing or a system call.
std::uint64_t pages_migrated_by_kernel();

class CaseSession {
 public:
  /// Allocates and registers the memory. `driver_events` may be null where the driver has none.
  CaseSession(const CaseRequest& request, DriverEventListener* driver_events,
              std::uint32_t node_id);
  ~CaseSession();
  CaseSession(const CaseSession&) = delete;
  CaseSession& operator=(const CaseSession&) = delete;

  const Buffer& buffer() const { return *buffer_; }
  std::uint64_t perturbed_bytes() const { return slice_.end * 8 - slice_.begin * 8; }

  /// Launches the workload and lets it settle.
  void start(const Perturbation& row);
  /// Measures the unperturbed loop; sets the gap threshold from it.
  void calibrate();
  /// One event: the row's call with everything observed around it.
  analysis::SampleRow measure(const Perturbation& row);
  /// Meter validation: tells the waves to stand still for `hold_ns` and returns the longest gap
  /// that the meter then reads, in ns.
  double hold_by_pause(double hold_ns);
  /// Self-test: puts a record of violation class `which` into the buffer from the CPU. Throws
  /// std::invalid_argument for a class that the CPU cannot plant.
  void plant(const std::string& which);
  /// Ends every allowance, waits until each word has been checked once more, scans all of it from
  /// the CPU and stops the kernel.
  void verify();
  CaseFindings findings() const;

 private:
  struct Window;
  void open_window(Window& window);
  void close_window(Window& window);
  /// Waits until the events since `cursor` are paired and one whole sweep of the memory brought no
  /// new ones. False when that took too long.
  bool wait_until_quiet(std::uint64_t cursor);
  struct DriverActivity {
    std::size_t events = 0;  // those that tell of the driver's work
    bool paired = true;      // every eviction has its restore
  };
  DriverActivity activity_since(std::uint64_t cursor);
  void check_backing(analysis::SampleRow& sample) const;
  void prepare(const Perturbation& row, EventContext& event);
  void finish(const Perturbation& row, EventContext& event);
  void rebuild();
  void scan_after_event();
  void take_driver_findings();
  void excuse_kernel_migrations();
  std::uint64_t most_passes() const;

  CaseRequest request_;
  DriverEventListener* driver_events_;
  ClockReader clock_reader_;
  ClockCorrelation clocks_;
  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<WorkloadDriver> workload_;
  ChildBoard* board_;
  WordRange slice_;
  Touch touch_ = Touch::kKeeps;
  bool rebuilds_ = false;
  double tick_ns_ = 10;
  double iteration_ticks_ = 0;
  std::uint64_t scans_ = 0;
  std::uint64_t migrations_at_start_ = 0;
  std::uint64_t driver_cursor_ = 0;
  CaseFindings findings_;
};

}  // namespace notifier
