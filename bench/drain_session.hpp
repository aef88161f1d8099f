// SPDX-License-Identifier: MIT
// Finite kernels on one buffer, and one memory operation beside or after each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "harness/buffer.hpp"
#include "harness/case_session.hpp"
#include "harness/driver_event_listener.hpp"
#include "harness/perturbation.hpp"
#include "harness/workload_driver.hpp"

namespace notifier {

/// What the application does about its job before it makes the call.
enum class Fence { kBeforeCall, kAfterCall };

/// What one event gave.
struct DrainEvent {
  std::int64_t enter_ns = 0;  // CLOCK_MONOTONIC_RAW
  double syscall_ns = 0;
  std::optional<double> drain_ns;   // Fence::kBeforeCall: from asking for the fence to its return
  std::optional<double> stall_ns;   // Fence::kAfterCall: longest gap in the job, device's clock
  bool running_when_asked = false;  // the job, when the event's moment came
  bool ended_at_call = false;       // every wave had left when the call was made
  bool ended_at_return = false;     // and when it returned
  bool paired = true;               // every eviction had its restore in time
  std::vector<DriverEvent> driver_events;  // from the call until the driver was quiet
};

/// Where events come from; a test has its own.
class FiniteJobs {
 public:
  virtual ~FiniteJobs() = default;
  virtual MemoryPath path() const = 0;
  virtual WorkloadGrid grid() const = 0;
  /// Throws HipError, std::system_error or std::runtime_error when something fails.
  virtual DrainEvent measure(const Perturbation& row, Fence fence) = 0;
  /// Violations of all events so far, in the jobs, in children and in the driver's own checks.
  virtual const CaseFindings& findings() const = 0;
};

struct DrainSessionOptions {
  Case wanted;
  std::uint64_t job_ns = 0;
  std::uint64_t seed = 0;
  WorkloadGrid grid{1, 1};
  double tick_ns = 10;  // of the device's clock
};

/// A real device, or the software GPU.
class DrainSession final : public FiniteJobs {
 public:
  /// Allocates and registers the memory. `driver_events` may be null where the driver has none.
  DrainSession(const DrainSessionOptions& options, DriverEventListener* driver_events);
  ~DrainSession() override;
  DrainSession(const DrainSession&) = delete;
  DrainSession& operator=(const DrainSession&) = delete;

  MemoryPath path() const override { return buffer_->path(); }
  WorkloadGrid grid() const override { return options_.grid; }
  DrainEvent measure(const Perturbation& row, Fence fence) override;
  const CaseFindings& findings() const override { return findings_; }

 private:
  WorkloadOptions job_options(std::uint64_t allowed_outcomes) const;
  void wait_for_random_moment();
  bool wait_until_paired(std::uint64_t cursor);
  void make_driver_look_again();
  void take_jobs_findings(const WorkloadDriver& job);
  void take_driver_findings(std::uint64_t cursor);
  void check_next_job();

  DrainSessionOptions options_;
  DriverEventListener* driver_events_;
  std::unique_ptr<Buffer> buffer_;
  ChildBoard* board_;
  std::mt19937_64 random_;
  CaseFindings findings_;
};

}  // namespace notifier
