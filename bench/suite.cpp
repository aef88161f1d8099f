// SPDX-License-Identifier: MIT
#include "bench/suite.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <csignal>

#include "analysis/flags.hpp"
#include "analysis/summary.hpp"
#include "bench/ending_cases.hpp"
#include "harness/clock_reader.hpp"
#include "harness/environment.hpp"
#include "harness/folio_layout.hpp"
#include "harness/sacrifice.hpp"
#include "harness/sample_analysis.hpp"
#include "harness/system_settings.hpp"

namespace notifier {
namespace {

constexpr std::size_t kWorstKept = 3;
constexpr const char* kSettingsFile = "settings_to_restore";
volatile std::sig_atomic_t stop_signal = 0;

void request_stop(int signal_number) { stop_signal = signal_number; }

/// Each run has its own data; each case of a run too. Any fixed mixing will do.
std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t mixed = (seed ^ value) * 0x9E3779B97F4A7C15ull;
  mixed ^= mixed >> 29;
  // CSV holds signed numbers.
  return mixed & 0x7FFF'FFFF'FFFF'FFFF;
}

std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xCBF29CE484222325ull;  // FNV-1a, the same on every machine
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3ull;
  return hash;
}

std::string text_or(const nlohmann::json& value, const std::string& otherwise) {
  return value.is_string() ? value.get<std::string>() : otherwise;
}

}  // namespace

void install_stop_handlers() {
  struct sigaction action {};
  action.sa_handler = request_stop;  // without SA_RESTART: a waiting poll() returns
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A file-size limit is to be an error of write(), which is reported, not a death.
  signal(SIGXFSZ, SIG_IGN);
}

bool stop_requested() { return stop_signal != 0; }

Suite::Suite(const Options& options, std::uint64_t seed, std::unique_ptr<WorkerProcess> worker,
             RunSafety safety)
    : options_(options), seed_(seed), device_(*worker->device()), safety_(std::move(safety)) {
  workers_.adopt(WorkerProcess::environment_for(Case{}), std::move(worker));
  if (!options_.trace.empty()) traced_.emplace(options_.trace);
  if (const auto wanted = parse_case(options_.explain)) {
    for (const Case& one : cases_to_explain(*wanted)) explained_.push_back({one, {}});
  }
}

WorkloadGrid Suite::grid(Context context) const {
  const std::uint32_t usual =
      context == Context::kFull ? device_.waves_of_full_context : device_.compute_units;
  return {options_.waves.value_or(usual), device_.lanes_per_wave};
}

void Suite::start_recording(nlohmann::json manifest) {
  environment_ = manifest.at("environment");
  machine_ = manifest.at("machine");
  boot_id_ = text_or(environment_value(environment_, "kernel", "boot_id"), "unknown");
  kernel_release_ = text_or(environment_value(environment_, "kernel", "release"), "unknown");
  manifest["platform"] = device_.platform;
  manifest["device"] = to_json(device_);
  start_ns_ = monotonic_raw_ns();
  recording_ = std::make_unique<Recording>(options_.results, std::move(manifest));
  for (const std::string& line : SettingsChange::recover(
           SystemView(), std::filesystem::path(options_.results) / kSettingsFile)) {
    std::printf("%s\n", line.c_str());
  }
}

bool Suite::stopped() const {
  return interrupted_ || stop_requested() || !results_error_.empty() || worker_unkillable_ ||
         !unsafe_reason_.empty();
}

CaseRequest Suite::make_request(const PlannedCase& planned, std::uint32_t run_number) const {
  CaseRequest request;
  request.wanted = planned.wanted;
  request.events = options_.events.value_or(planned.events);
  request.seed = mix(mix(seed_, hash_of(planned.wanted.name())), run_number);
  request.grid = grid(planned.wanted.context);
  request.trace_all = traced_ && traced_->selects(planned.wanted.name());
  request.spare_hazards = device_.platform == "rocm" && !options_.hazardous;
  if (kernel_probes_) request.kernel_trace = kernel_probes_->instance();
  request.bystanders = options_.bystanders;
  request.recording_start_ns = start_ns_;
  request.patience = std::chrono::seconds(options_.patience_s);
  request.time_limit = std::chrono::seconds(options_.case_time_limit_s);
  return request;
}

void Suite::complete(analysis::SummaryRow& row, const CaseRequest& request) const {
  row.recording = recording_->name();
  row.machine = machine_;
  row.platform = device_.platform;
  row.device = device_.uuid;
  row.boot_id = boot_id_;
  row.kernel_release = kernel_release_;
  row.seed = static_cast<std::int64_t>(request.seed);
  if (!meter_reliable_) analysis::add_flag(row.flags, "unreliable");
}

void Suite::keep_worst(const std::vector<analysis::SampleRow>& samples,
                       const std::string& case_name) {
  for (const analysis::SampleRow& sample : samples) {
    if (sample.kind == analysis::EventKind::kEvent) worst_.push_back({case_name, sample});
  }
  const auto larger = [](const WorstStall& a, const WorstStall& b) {
    return a.sample[analysis::Metric::kStall].value_or(0) >
           b.sample[analysis::Metric::kStall].value_or(0);
  };
  std::stable_sort(worst_.begin(), worst_.end(), larger);
  if (worst_.size() > kWorstKept) worst_.resize(kWorstKept);
}

void Suite::keep_for_report(const RunOutcome& outcome, const Case& measured,
                            std::uint32_t run_number) {
  coherence_.add(outcome.samples);
  if (outcome.result) {
    bystanders_.insert(outcome.result->bystanders.begin(), outcome.result->bystanders.end());
  }
  const std::string name = measured.name();
  histograms_[name].add(outcome.samples);
  if (outcome.result) {
    traces_.add(name, run_number, outcome.result->traces, traced_ && traced_->selects(name));
  }
  for (ExplainedCase& one : explained_) {
    if (one.measured.name() != name) continue;
    one.samples.insert(one.samples.end(), outcome.samples.begin(), outcome.samples.end());
  }
}

void Suite::write_trace() const {
  if (traces_.empty()) return;
  const std::filesystem::path path = recording_->folder() / "trace.json";
  AppendedFile file(path);
  try {
    file.append(traces_.to_json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                "\n");
  } catch (const ResultsError&) {
    std::filesystem::remove(path);  // an empty file is no trace
    throw;
  }
}

void Suite::store(const std::vector<analysis::SummaryRow>& rows,
                  const std::vector<analysis::SampleRow>& samples) {
  try {
    recording_->add(rows, samples);
  } catch (const ResultsError& error) {
    results_error_ = error.what();
  }
}

std::optional<std::string> Suite::refusal(const Case& wanted) const {
  return safety_.case_refusal({.memory = to_string(wanted.memory),
                               .backing = to_string(wanted.backing),
                               .perturbation = wanted.perturbation,
                               .recovery = to_string(wanted.recovery)},
                              device_.platform);
}

/// What row and backing need of the whole machine holds for this one case: the old values are on
/// disk meanwhile, and come back though we were killed (system_settings.hpp).
RunOutcome Suite::run_with_settings(const CaseRequest& request, const Perturbation& row,
                                    std::uint32_t run_number) {
  std::vector<SettingWanted> settings(row.settings.begin(), row.settings.end());
  if (const std::string_view folios = folio_setting(request.wanted.backing); !folios.empty()) {
    settings.push_back({folios, "madvise"});
  }
  if (settings.empty()) return run_in_worker(request, run_number);
  SettingsChange change(SystemView(), std::filesystem::path(options_.results) / kSettingsFile);
  for (const SettingWanted& wanted : settings) {
    if (const auto failed = change.set(wanted.name, std::string(wanted.value))) {
      RunOutcome outcome;
      outcome.result.emplace();
      outcome.result->identity = describe_case(request);
      outcome.result->identity.status = analysis::Status::kSkipped;
      outcome.result->identity.reason = *failed;
      return outcome;
    }
  }
  return run_in_worker(request, run_number);
}

WorkerProcess::Environment Suite::environment_of_worker(const Case& wanted) const {
  WorkerProcess::Environment environment = WorkerProcess::environment_for(wanted);
  if (wanted.memory != Memory::kPlain) {
    environment.merge(WorkerProcess::environment_of(options_.bystanders));
  }
  return environment;
}

RunOutcome Suite::run_in_worker(const CaseRequest& request, std::uint32_t run_number) {
  const bool ends = find_perturbation(request.wanted.perturbation)->ends_process;
  if (ends) return run_ending_case(request, stop_requested);
  if (options_.isolate || run_number != worker_run_) workers_.clear();
  worker_run_ = run_number;
  const RunOutcome outcome = workers_.run(environment_of_worker(request.wanted), to_json(request),
                                          request.patience, stop_requested);
  interrupted_ = interrupted_ || outcome.interrupted;
  worker_unkillable_ = worker_unkillable_ || outcome.worker_unkillable;
  unsafe_reason_ = safety_.check_after_case(device_.platform).value_or("");
  return outcome;
}

/// A case that the worker found to be fatal, if the user wants that: only there is it known which
/// path the memory takes.
void Suite::sacrifice_if_fatal(const CaseRequest& request, RunOutcome& outcome) {
  if (!options_.hazardous || stopped() || !outcome.result ||
      outcome.result->identity.status != analysis::Status::kSkipped ||
      outcome.result->identity.touch != to_string(Touch::kFatal)) {
    return;
  }
  outcome = run_sacrificial(request, stop_requested, [this]() -> std::optional<std::string> {
    unsafe_reason_ = safety_.check_after_fault(device_.platform).value_or("");
    return unsafe_reason_.empty() ? std::nullopt : std::optional(unsafe_reason_);
  });
  interrupted_ = interrupted_ || outcome.interrupted;
  worker_unkillable_ = worker_unkillable_ || outcome.worker_unkillable;
}

std::vector<analysis::SummaryRow> Suite::skip_for_safety(const PlannedCase& planned,
                                                         std::uint32_t run_number) {
  const CaseRequest request = make_request(planned, run_number);
  analysis::SummaryRow identity = describe_case(request);
  identity.status = analysis::Status::kSkipped;
  identity.reason = "not run, for the run was stopped before: " + unsafe_reason_;
  complete(identity, request);
  identity.run = run_number;
  identity.started_utc = utc_now();
  std::vector<analysis::SummaryRow> rows = analysis::summarize_run(identity, {}, {});
  store(rows, {});
  counts_.add(identity);
  return rows;
}

std::vector<analysis::SummaryRow> Suite::run(const PlannedCase& planned, std::uint32_t run_number) {
  if (!unsafe_reason_.empty() && results_error_.empty()) {
    return skip_for_safety(planned, run_number);
  }
  if (stopped()) return {};
  const CaseRequest request = make_request(planned, run_number);
  const std::string started_utc = utc_now();
  const std::int64_t before_ns = monotonic_raw_ns();
  const Perturbation& row = *find_perturbation(planned.wanted.perturbation);
  const std::optional<std::string> refused = refusal(planned.wanted);
  RunOutcome outcome;
  if (!refused) {
    outcome = run_with_settings(request, row, run_number);
    sacrifice_if_fatal(request, outcome);
  }

  analysis::SummaryRow identity =
      outcome.result ? outcome.result->identity : describe_case(request);
  if (!outcome.result) put_missing_result(outcome, identity);
  if (refused) {
    identity.status = analysis::Status::kSkipped;
    identity.reason = *refused;
  }
  if (!unsafe_reason_.empty()) {
    identity.status = analysis::Status::kFailed;
    identity.reason = unsafe_reason_;
  }
  complete(identity, request);
  identity.run = run_number;
  identity.started_utc = started_utc;
  identity.duration_s = static_cast<double>(monotonic_raw_ns() - before_ns) / 1e9;
  std::vector<analysis::RunValue> values;
  if (outcome.result) values = outcome.result->run_values;
  for (analysis::SampleRow& sample : outcome.samples) {
    sample.recording = recording_->name();
    sample.run = run_number;
  }
  if (const auto floor_ns = stall_floor_ns(outcome.samples)) {
    flag_below_floor(outcome.samples, *floor_ns);
    values.push_back({analysis::Metric::kStallFloor, *floor_ns});
  }
  identity.flagged_samples =
      std::count_if(outcome.samples.begin(), outcome.samples.end(),
                    [](const auto& sample) { return analysis::is_tainted(sample.flags); });
  if (outcome.result && !outcome.result->violations.empty()) {
    violations_[identity.case_name] = outcome.result->violations;
  }
  std::vector<analysis::SummaryRow> rows =
      analysis::summarize_run(identity, outcome.samples, values);
  store(rows, outcome.samples);
  keep_worst(outcome.samples, identity.case_name);
  keep_for_report(outcome, planned.wanted, run_number);
  counts_.add(identity);
  return rows;
}

void Suite::finish_recording() {
  nlohmann::json end = manifest_notes_;
  end["finished_utc"] = utc_now();
  end["interrupted"] = stopped();
  end["violations"] = violations_;
  end["safety"] = safety_.to_json();
  end["coherence"] = coherence_.to_json();
  if (kernel_probes_) end["kernel_probes"] = to_json(*kernel_probes_);
  nlohmann::json quanta = nlohmann::json::object();
  for (const auto& [name, histogram] : histograms_) {
    if (const Quantum* quantum = histogram.sits_on()) quanta[name] = quantum->name;
  }
  end["quanta"] = quanta;
  if (!bystanders_.empty()) end["bystanders"] = bystanders_;
  recording_->write_manifest(end);
  write_trace();
}

}  // namespace notifier
