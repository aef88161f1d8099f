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
#include "harness/bystanders.hpp"
#include "harness/case_findings.hpp"
#include "harness/case_run.hpp"
#include "harness/child_board.hpp"
#include "harness/clock_reader.hpp"
#include "harness/event_trace.hpp"
#include "harness/fatal_fault.hpp"
#include "harness/kernel_trace.hpp"
#include "harness/perturbation.hpp"
#include "harness/storm.hpp"
#include "harness/userfault_hold.hpp"
#include "harness/workload_driver.hpp"

namespace notifier {

/// Nine passes visit every word of the buffer at least once from any moment on.
inline constexpr std::uint64_t kFullCheckPasses = kWordsPerLine + 1;

/// A hold as it was injected, by the CPU's clock, and as the meter read it, by the device's.
struct MeterReading {
  double injected_ns = 0;
  double measured_ns = 0;
};

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

  /// From now on each sample says what these paid. Before start().
  void accompany(std::unique_ptr<Bystanders> bystanders) { bystanders_ = std::move(bystanders); }
  const Bystanders* bystanders() const { return bystanders_.get(); }

  /// Launches the workload and lets it settle.
  void start(const Perturbation& row);
  /// Measures the unperturbed loop; sets the gap threshold from it.
  void calibrate();
  /// One event: the row's call with everything observed around it.
  analysis::SampleRow measure(const Perturbation& row);
  /// A call that ends in a fatal fault of the device, and how long that took. Nothing may follow
  /// but the end of the process, and the session must not be destroyed: the queues never run again.
  /// Without call_to_fault_ns when no fault came in nine passes over the memory.
  analysis::SampleRow measure_fatal(const Perturbation& row, const FatalFaultWatch& watch);
  /// The event that measure() returned last, `number` of its run, as tracks (event_trace.hpp).
  nlohmann::json trace_of_last(std::int64_t number, const analysis::SampleRow& sample) const;
  /// Meter validation: tells the waves to stand still for `hold_ns` and returns the longest gap
  /// that the meter then reads, in ns.
  double hold_by_pause(double hold_ns);
  /// The same with a driver that stays in its notifier: the call, the eviction and the restore are
  /// real. Needs can_hold_notifier().
  MeterReading hold_by_notifier(double hold_ns);
  static bool can_hold_notifier();
  /// The same with a page whose next store waits for the CPU (userfaultfd). Software GPU only: a
  /// GPU's fault on such a page is fatal. Throws CannotPerform where the kernel refuses.
  MeterReading hold_by_userfault(double hold_ns);
  /// Repeats the row's event at a rate (storm.hpp).
  StormPoint storm(const Perturbation& row, double events_per_s, double seconds);
  /// Self-test: puts a record of violation class `which` into the buffer from the CPU. Throws
  /// std::invalid_argument for a class that the CPU cannot plant.
  void plant(const std::string& which);
  /// Ends every allowance, waits until each word has been checked once more, scans all of it from
  /// the CPU and stops the kernel.
  void verify();
  CaseFindings findings() const;

 private:
  struct Window;
  /// What the last event's trace needs.
  struct Observed {
    EventObservation observation;
    std::optional<EventTimeline> timeline;
    EventTraceContext context;
  };
  void open_window(Window& window);
  void close_window(Window& window);
  /// Waits until the events since `cursor` are paired and one whole sweep of the memory brought no
  /// new ones. False when that took too long.
  bool wait_until_quiet(std::uint64_t cursor);
  struct DriverActivity {
    std::size_t events = 0;  // those that tell of the driver's work
    bool paired = true;      // every eviction has its restore, and its report where there are such
  };
  DriverActivity activity_since(std::uint64_t cursor);
  double longest_gap_ns() const;
  void check_backing(analysis::SampleRow& sample) const;
  void prepare(const Perturbation& row, EventContext& event);
  void finish(const Perturbation& row, EventContext& event);
  /// `driver_cursor`: from before the first call after the window.
  void rebuild(std::uint64_t driver_cursor);
  void scan_after_event();
  void take_driver_findings();
  void stop_bystanders();
  void excuse_moves_by_the_kernel();
  std::uint64_t most_passes() const;
  double unperturbed_rate(double seconds);
  std::string describe_place(const ViolationRecord& record) const;
  std::string describe_violation(const ViolationRecord& record) const;
  std::string describe_violation(const WorkloadDriver::HostViolation& seen) const;
  /// When it was, by CLOCK_MONOTONIC_RAW, and which event came before.
  std::string describe_moment(std::int64_t raw_ns) const;
  void add_host_findings(const WorkloadDriver::HostFindings& found);

  CaseRequest request_;
  DriverEventListener* driver_events_;
  ClockReader clock_reader_;
  ClockCorrelation clocks_;
  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<WorkloadDriver> workload_;
  std::unique_ptr<Bystanders> bystanders_;
  ChildBoard* board_;
  WordRange slice_;
  Touch touch_ = Touch::kKeeps;
  bool leaves_ = false;  // the waves, before each event
  bool rebuilds_ = false;
  double tick_ns_ = 10;
  double iteration_ticks_ = 0;
  bool reports_stops_ = false;  // the driver writes a report of each stop
  std::unique_ptr<UserfaultHold> userfault_;
  std::optional<KernelTraceReader> kernel_trace_;
  std::optional<Observed> last_;
  /// All events, to name the one that raced with a violation.
  struct Begun {
    std::int64_t enter_ns;
    std::string_view perturbation;
  };
  std::vector<Begun> begun_;
  std::uint64_t scans_ = 0;
  std::uint64_t moved_by_kernel_at_start_ = 0;
  std::uint64_t pages_moved_by_rows_ = 0;  // EventContext::pages_moved, summed
  std::uint64_t driver_cursor_ = 0;
  CaseFindings findings_;
};

}  // namespace notifier
