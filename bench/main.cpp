// SPDX-License-Identifier: MIT
// notifier_bench: plans cases, runs them in workers, stores and shows what they gave. This process
// never touches HIP; everything that does is a worker, started from this same program.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "analysis/site/report.hpp"
#include "bench/bystander_table.hpp"
#include "bench/case_documentation.hpp"
#include "bench/case_plan.hpp"
#include "bench/exit_code.hpp"
#include "bench/fork_policy_table.hpp"
#include "bench/google_benchmark.hpp"
#include "bench/listing.hpp"
#include "bench/meter_check.hpp"
#include "bench/observer_cost.hpp"
#include "bench/options.hpp"
#include "bench/probe_command.hpp"
#include "bench/recipe.hpp"
#include "bench/self_test.hpp"
#include "bench/storm_command.hpp"
#include "bench/suite.hpp"
#include "harness/environment.hpp"
#include "harness/format.hpp"
#include "harness/run_safety.hpp"
#include "harness/stall_cause.hpp"
#include "harness/worker.hpp"

namespace notifier {
namespace {

std::uint64_t choose_seed(const Options& options) {
  // 48 bits are easy to type again and exact in every tool that reads JSON.
  return options.seed ? *options.seed : std::random_device{}() * 65'536ull % (1ull << 48);
}

nlohmann::json make_manifest(const Options& options, std::uint64_t seed) {
  nlohmann::json manifest;
  manifest["environment"] = read_environment(SystemView());
  std::string machine = options.machine;
  if (machine.empty()) {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    machine = host.data();
  }
  // The machine's name becomes a folder.
  for (char& byte : machine) {
    if (std::isalnum(static_cast<unsigned char>(byte)) == 0 && byte != '-') byte = '_';
  }
  manifest["machine"] = machine.empty() ? "unnamed" : machine;
  manifest["command"] = options.command;
  manifest["seed"] = seed;
  manifest["suite"] = {{"runs", options.runs}};
  // They take CPUs from what is measured, so recordings with and without them differ in this.
  manifest["environment"]["process"]["bystanders"] = {{"value", options.bystanders.words()},
                                                      {"source", "--bystanders"}};
  return manifest;
}

/// Prints one line per planted fault. Returns false when one was not caught.
bool self_test(Suite* suite, const DeviceInfo& device, std::uint64_t seed) {
  std::fprintf(stderr, "self-test: planting faults ...\n");
  const std::vector<SelfTestOutcome> outcomes = run_self_test(device, seed);
  nlohmann::json entries = nlohmann::json::array();
  for (const SelfTestOutcome& outcome : outcomes) {
    if (suite == nullptr || !(outcome.caught || !outcome.left_out.empty())) {
      std::printf("%s", describe(outcome).c_str());
    }
    entries.push_back({{"planted", outcome.planted},
                       {"recovery", outcome.recovery},
                       {"expected", outcome.expected},
                       {"caught", outcome.caught},
                       {"caught_at_end", outcome.caught_at_end},
                       {"attempts", outcome.attempts},
                       {"found", outcome.found},
                       {"left_out", outcome.left_out}});
  }
  if (geteuid() != 0 && device.platform == "software") {
    std::printf("skip_hook: not planted: only root may read page frame numbers\n");
  }
  const bool passed = all_caught(outcomes);
  std::printf("%s", summarize(outcomes).c_str());
  if (suite != nullptr) suite->note({{"self_test", entries}});
  return passed;
}

void print_worst(const Suite& suite) {
  if (suite.worst_stalls().empty()) return;
  std::printf("\nLargest stalls:\n");
  for (const WorstStall& worst : suite.worst_stalls()) {
    const std::optional<Case> measured = parse_case(worst.case_name);
    std::printf("  %9s  %s, run %lld, event %lld\n             %s\n",
                format_duration(worst.sample[analysis::Metric::kStall]).c_str(),
                worst.case_name.c_str(), static_cast<long long>(worst.sample.run),
                static_cast<long long>(worst.sample.event),
                describe_stall(*measured, worst.sample).c_str());
  }
}

void print_violations(const Suite& suite) {
  for (const auto& [name, descriptions] : suite.violations().items()) {
    std::printf("\nViolations in %s:\n", name.c_str());
    for (const auto& description : descriptions) {
      std::printf("  %s\n", description.get_ref<const std::string&>().c_str());
    }
  }
}

void print_histograms(const Suite& suite) {
  for (const auto& [name, histogram] : suite.histograms()) {
    if (histogram.events() > 0) std::printf("\n%s\n%s", name.c_str(), histogram.describe().c_str());
  }
}

/// The recording is whole without it, so a report that cannot be written changes no exit code.
void write_report(const Suite& suite) {
  try {
    std::printf("report:  %s\n", site::write_report(suite.recording().folder()).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "no report.html: %s\n", error.what());
  }
}

int finish(Suite& suite, const Options& options) {
  int exit_code = kExitOk;
  const RowCounts& counts = suite.counts();
  if (counts.ok == 0 && counts.failed == 0) exit_code = kExitNothingRan;
  if (counts.failed > 0 || counts.violations > 0) exit_code = kExitViolation;
  if (suite.interrupted() || stop_requested()) exit_code = kExitInterrupted;
  std::string results_error = suite.results_error();
  try {
    suite.finish_recording();
  } catch (const ResultsError& error) {
    if (results_error.empty()) results_error = error.what();
  }
  print_worst(suite);
  print_violations(suite);
  if (options.histogram) print_histograms(suite);
  if (!suite.explained().empty()) std::printf("\n%s", explain(suite.explained()).c_str());
  std::printf("\n%s", suite.coherence().describe().c_str());
  std::printf("%s%s\n", counts.sentence().c_str(),
              exit_code == kExitInterrupted ? "; interrupted, what was measured is kept" : "");
  if (!suite.unsafe_reason().empty()) {
    std::printf("stopped for safety: %s\n", suite.unsafe_reason().c_str());
  }
  if (suite.device().platform == "software") {
    std::printf("platform=software: these times describe the software GPU, not AMD hardware.\n");
  }
  if (suite.device().platform == "kvm") {
    std::printf(
        "platform=kvm: these times describe the kernel's MMU notifiers and KVM, not AMD "
        "hardware.\n");
  }
  std::printf("results: %s\n", suite.recording().folder().c_str());
  if (results_error.empty()) write_report(suite);
  if (!results_error.empty()) {
    std::fprintf(stderr, "%s\nWhat was stored before is valid.\n", results_error.c_str());
    exit_code = kExitResults;
  }
  return exit_code;
}

/// Runs the cases in `plan` and stores what they give.
int measure(const Options& options, const std::vector<PlannedCase>& plan, std::uint64_t seed,
            const DeviceInfo& device, Suite& suite) {
  std::printf("%s (%s), platform=%s, %u waves of %u lanes, driver events: %s, seed %llu\n",
              device.name.c_str(), device.architecture.c_str(), device.platform.c_str(),
              suite.grid().waves, suite.grid().lanes_per_wave, device.driver_events.c_str(),
              static_cast<unsigned long long>(seed));
  const MeterCheck meter = check_meter(suite.grid(), seed, /*long_form=*/false);
  std::printf("%s", describe(meter).c_str());
  suite.note({{"meter", to_json(meter)}});
  if (!meter.reliable()) suite.distrust_meter();
  const bool trusted = options.no_self_test || self_test(&suite, device, seed);
  std::vector<analysis::SummaryRow> rows;
  if (trusted || stop_requested()) rows = run_registered(suite, plan, options, seed);
  const int exit_code = finish(suite, options);
  if (!options.bystanders.empty()) {
    std::printf("\n%s", bystander_markdown(suite.bystanders(), rows).c_str());
  }
  if (!options.recipe.empty()) {
    std::printf("\n%s", recipe_markdown(options.recipe, rows, recipe_size_bytes(options)).c_str());
  }
  if (!options.table.empty()) {
    std::printf("\n%s", (options.csv ? fork_policy_csv(rows) : fork_policy_markdown(rows)).c_str());
  }
  if (!trusted && !stop_requested()) {
    std::fprintf(stderr,
                 "the self-test failed: no case was run, for its result would mean nothing\n");
    return kExitViolation;
  }
  return exit_code;
}

int validate_meter(const Options& options, const DeviceInfo& device, std::uint64_t seed) {
  const WorkloadGrid grid{options.waves.value_or(device.compute_units), device.lanes_per_wave};
  const MeterCheck check = check_meter(grid, seed, /*long_form=*/true);
  std::printf("%s", describe(check).c_str());
  return check.reliable() ? kExitOk : kExitViolation;
}

int print_observer_cost(const Options& options, const DeviceInfo& device, std::uint64_t seed) {
  CaseRequest request;
  request.wanted = *parse_case(options.observer_cost);
  request.events = options.events.value_or(usual_events(request.wanted));
  request.seed = seed;
  request.grid = {options.waves.value_or(device.compute_units), device.lanes_per_wave};
  request.spare_hazards = device.platform == "rocm" && !options.hazardous;
  std::string failure;
  const auto runs = measure_observer_cost(request, options.runs, seed, failure);
  if (runs.empty()) {
    std::fprintf(stderr, "not measured: %s\n", failure.c_str());
    return kExitNothingRan;
  }
  std::printf("`%s`, platform=%s, %u waves, %u events a run, seed %llu:\n\n%s",
              options.observer_cost.c_str(), device.platform.c_str(), request.grid.waves,
              request.events, static_cast<unsigned long long>(seed),
              observer_cost_markdown(observer_costs(runs)).c_str());
  return kExitOk;
}

/// Null where they cannot be set, which has then been said.
std::unique_ptr<KernelProbes> set_kernel_probes(const DeviceInfo& device) {
  try {
    auto probes = std::make_unique<KernelProbes>(find_tracefs(), device.platform);
    for (const std::string& absent : probes->absent()) {
      std::fprintf(stderr, "kprobes: not watched: %s\n", absent.c_str());
    }
    return probes;
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "--kprobes: %s\n", error.what());
    return nullptr;
  }
}

int run_suite(const Options& options, const std::vector<PlannedCase>& plan, std::uint64_t seed) {
  install_stop_handlers();
  RunSafety safety{SystemView()};
  std::unique_ptr<WorkerProcess> worker =
      WorkerProcess::start(WorkerProcess::environment_for(Case{}));
  if (!worker->device()) {
    std::fprintf(stderr, "nothing can run here: %s\n", worker->no_device_reason().c_str());
    return kExitNothingRan;
  }
  const DeviceInfo device = *worker->device();
  if (const auto refusal = safety.refusal(device.platform, options.share_gpu)) {
    std::fprintf(stderr, "nothing is run here: %s\n", refusal->c_str());
    return kExitNothingRan;
  }
  if (!options.health_root.empty()) {
    if (device.platform == "rocm") {
      std::fprintf(stderr, "--health-root: with a real GPU the machine itself is watched\n");
      return kExitUsage;
    }
    safety.watch_instead(SystemView(options.health_root));
  }
  if (options.self_test_only) {
    worker.reset();
    return self_test(nullptr, device, seed) ? kExitOk : kExitViolation;
  }
  if (options.validate_meter) {
    worker.reset();
    return validate_meter(options, device, seed);
  }
  if (!options.storm.empty()) {
    worker.reset();
    return print_storm(options, device, seed);
  }
  if (!options.observer_cost.empty()) {
    worker.reset();
    return print_observer_cost(options, device, seed);
  }
  std::unique_ptr<KernelProbes> probes;
  if (options.kprobes) {
    probes = set_kernel_probes(device);
    if (probes == nullptr) return kExitNothingRan;
  }
  Suite suite(options, seed, std::move(worker), std::move(safety));
  suite.watch_kernel(std::move(probes));
  try {
    suite.start_recording(make_manifest(options, seed));
  } catch (const ResultsError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kExitResults;
  }
  return measure(options, plan, seed, device, suite);
}

void print_names(const std::vector<PlannedCase>& plan) {
  for (const PlannedCase& planned : plan) std::printf("%s\n", planned.wanted.name().c_str());
}

void print_list(const Options& options, const std::vector<PlannedCase>& plan) {
  std::vector<Case> cases;
  for (const PlannedCase& planned : plan) cases.push_back(planned.wanted);
  std::printf("%s", options.long_list ? document_perturbations_of(cases).c_str()
                                      : list_cases(cases).c_str());
}

void print_schedule(const Options& options, const std::vector<PlannedCase>& plan,
                    std::uint64_t seed) {
  std::vector<PlannedCase> chosen;
  for (const ScheduledRun& scheduled : make_schedule(plan.size(), options.runs, seed)) {
    chosen.push_back(plan[scheduled.number]);
  }
  std::printf("seed %llu\n%s", static_cast<unsigned long long>(seed),
              list_plan(chosen, plan.size(), options.runs).c_str());
}

int bench_main(int argc, char** argv) {
  const ParsedOptions parsed = parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  if (parsed.options.probe) return run_probe(parsed.options, argv[0]);
  const Options& options = parsed.options;
  if (options.long_list && !chooses_cases(options)) {
    std::printf("%s", document_cases().c_str());
    return kExitOk;
  }
  const std::vector<PlannedCase> plan = plan_cases(options);
  if (plan.empty()) {
    std::fprintf(stderr, "no case matches '%s'; --list shows all\n", options.filter.c_str());
    return kExitUsage;
  }
  if (options.list) {
    print_list(options, plan);
    return kExitOk;
  }
  register_cases(plan);
  if (!initialize_google_benchmark(options, argv[0])) return kExitUsage;
  if (options.list_names) {
    print_names(plan);
    return kExitOk;
  }
  const std::uint64_t seed = choose_seed(options);
  if (options.dry_run) {
    print_schedule(options, plan, seed);
    return kExitOk;
  }
  return run_suite(options, plan, seed);
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  try {
    if (notifier::is_worker()) return notifier::worker_main(notifier::bench_tasks());
    return notifier::bench_main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return notifier::kExitViolation;
  }
}
