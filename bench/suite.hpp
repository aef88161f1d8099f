// SPDX-License-Identifier: MIT
// Runs cases in workers, stores what they give and keeps what the final report needs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "bench/case_filter.hpp"
#include "bench/coherence.hpp"
#include "bench/latency_histogram.hpp"
#include "bench/options.hpp"
#include "bench/row_counts.hpp"
#include "harness/explain.hpp"
#include "harness/kernel_trace.hpp"
#include "harness/perturbation.hpp"
#include "harness/recording.hpp"
#include "harness/run_safety.hpp"
#include "harness/trace_file.hpp"
#include "harness/worker_pool.hpp"

namespace notifier {

/// One of the largest stalls of a recording.
struct WorstStall {
  std::string case_name;
  analysis::SampleRow sample;
};

struct PlannedCase {
  Case wanted;
  std::uint32_t events;
};

class Suite {
 public:
  /// Takes over a worker that has already found the device, as the one of Case{}.
  Suite(const Options& options, std::uint64_t seed, std::unique_ptr<WorkerProcess> worker,
        RunSafety safety);

  /// Creates the results folder. Throws ResultsError.
  void start_recording(nlohmann::json manifest);

  /// Runs one case once and stores it. Returns its summary rows; after a stop for safety a row that
  /// says that it was not run, and none after any other. Never throws for what a case does; a full
  /// disk stops the suite.
  std::vector<analysis::SummaryRow> run(const PlannedCase& planned, std::uint32_t run_number);

  /// Writes the manifest's end. Throws ResultsError.
  void finish_recording();

  bool stopped() const;
  bool interrupted() const { return interrupted_; }
  const std::string& results_error() const { return results_error_; }
  /// Why no further case may run on this machine; empty while all is well.
  const std::string& unsafe_reason() const { return unsafe_reason_; }
  const RowCounts& counts() const { return counts_; }
  const Recording& recording() const { return *recording_; }
  const std::vector<WorstStall>& worst_stalls() const { return worst_; }
  /// Case name to the first violations of it, in words.
  const nlohmann::json& violations() const { return violations_; }
  const DeviceInfo& device() const { return device_; }
  const CoherenceCount& coherence() const { return coherence_; }
  /// What each bystander was, or why there was none.
  const std::map<std::string, std::string>& bystanders() const { return bystanders_; }
  const std::map<std::string, LatencyHistogram>& histograms() const { return histograms_; }
  /// Samples of the cases that --explain asked for, in the order of the plan.
  const std::vector<ExplainedCase>& explained() const { return explained_; }
  /// One wave per compute unit, or as many as fit with a full context, unless told otherwise.
  WorkloadGrid grid(Context context = Context::kSmall) const;

  /// From now on workers read what these probes see.
  void watch_kernel(std::unique_ptr<KernelProbes> probes) { kernel_probes_ = std::move(probes); }

  /// From now on every row carries the flag `unreliable`.
  void distrust_meter() { meter_reliable_ = false; }

  /// Adds to the manifest.
  void note(const nlohmann::json& entry) { manifest_notes_.update(entry); }

 private:
  std::vector<analysis::SummaryRow> skip_for_safety(const PlannedCase& planned,
                                                    std::uint32_t run_number);
  void sacrifice_if_fatal(const CaseRequest& request, RunOutcome& outcome);
  RunOutcome run_in_worker(const CaseRequest& request, std::uint32_t run_number);
  WorkerProcess::Environment environment_of_worker(const Case& wanted) const;
  CaseRequest make_request(const PlannedCase& planned, std::uint32_t run_number) const;
  RunOutcome run_with_settings(const CaseRequest& request, const Perturbation& row,
                               std::uint32_t run_number);
  /// Why this case cannot run on this machine, known without trying.
  std::optional<std::string> refusal(const Case& wanted) const;
  void complete(analysis::SummaryRow& row, const CaseRequest& request) const;
  void keep_worst(const std::vector<analysis::SampleRow>& samples, const std::string& case_name);
  void keep_for_report(const RunOutcome& outcome, const Case& measured, std::uint32_t run_number);
  void write_trace() const;
  void store(const std::vector<analysis::SummaryRow>& rows,
             const std::vector<analysis::SampleRow>& samples);

  Options options_;
  std::uint64_t seed_;
  DeviceInfo device_;
  std::unique_ptr<KernelProbes> kernel_probes_;  // outlives the workers, which read its trace
  WorkerPool workers_;
  std::uint32_t worker_run_ = 0;
  std::unique_ptr<Recording> recording_;
  nlohmann::json environment_;
  nlohmann::json manifest_notes_ = nlohmann::json::object();
  nlohmann::json violations_ = nlohmann::json::object();
  std::string machine_;
  std::string boot_id_;
  std::string kernel_release_;
  std::int64_t start_ns_ = 0;
  RowCounts counts_;
  std::vector<WorstStall> worst_;
  std::string results_error_;
  RunSafety safety_;
  std::string unsafe_reason_;
  bool interrupted_ = false;
  bool worker_unkillable_ = false;
  bool meter_reliable_ = true;
  CoherenceCount coherence_;
  std::map<std::string, std::string> bystanders_;
  std::map<std::string, LatencyHistogram> histograms_;
  TraceCollection traces_{kWorstTraced};
  std::optional<CaseFilter> traced_;  // cases of which every event is wanted
  std::vector<ExplainedCase> explained_;
};

/// Installs the handlers of SIGINT and SIGTERM that ask a running suite to stop.
void install_stop_handlers();
bool stop_requested();

}  // namespace notifier
