// SPDX-License-Identifier: MIT
// softgpu_speed: what the software GPU costs beside what it is compared with, measured in one
// process, as a recording and as the table of docs/softgpu.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <random>
#include <string>

#include "analysis/files.hpp"
#include "analysis/summary.hpp"
#include "bench/finite_job_program.hpp"
#include "bench/recording_identity.hpp"
#include "bench/row_counts.hpp"
#include "bench/run_options.hpp"
#include "bench/speed_cases.hpp"
#include "bench/speed_table.hpp"
#include "harness/format.hpp"
#include "harness/recording.hpp"

namespace notifier {
namespace {

constexpr const char* kFooter =
    R"(A case is compared with another one of the same run; the table at the end has the ratios and their
targets. It needs a quiet machine: more threads than CPUs measure the scheduler.

Exit codes: 0 ok; 1 a case failed; 2 bad usage; 4 results could not be written; 77 nothing could run
here; 130 interrupted. A missed target is no failure: times of a busy machine say nothing.)";

struct SpeedOptions {
  CaseChoice choice;
  bool jobs = false;
  SpeedBudget budget{.events = 200, .seconds = 5};
  std::uint32_t runs = 5;
  std::uint64_t seed = 0;
  std::string results = "results";
  std::string table_of;
};

void add_options(CLI::App& app, SpeedOptions& options) {
  app.footer(kFooter);
  app.add_option("--filter", options.choice.filter,
                 "Only cases whose name matches this expression");
  app.add_flag("--list", options.choice.list, "List the cases, then end");
  app.add_flag("--jobs", options.jobs,
               "The cases of a device that cannot be preempted (wait_for_jobs), in place of the "
               "others");
  app.add_option("--events", options.budget.events, "Events in each run at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--seconds", options.budget.seconds, "Seconds for the events of a run at most")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  add_runs_option(app, options.runs);
  app.add_option("--seed", options.seed, "Seed of the moments of --jobs")->capture_default_str();
  add_results_option(app, options.results);
  app.add_option("--table", options.table_of, "Print the table of a recording, then end");
}

analysis::SampleRow make_sample(const SpeedRequest& request, const TimedEvent& event,
                                std::int64_t recording_start_ns) {
  analysis::SampleRow sample;
  sample.case_name = request.wanted.name;
  sample.start_ns = event.start_ns - recording_start_ns;
  sample[request.wanted.metric] = event.duration_ns;
  sample.evictions = event.evictions;
  return sample;
}

struct CaseRows {
  analysis::SummaryRow identity;
  std::vector<analysis::SampleRow> samples;
  std::vector<analysis::RunValue> values;
};

CaseRows run_case(const SpeedRequest& request, std::int64_t recording_start_ns) {
  CaseRows made{.identity = describe(request.wanted), .samples = {}, .values = {}};
  made.identity.seed = static_cast<std::int64_t>(request.seed);
  made.identity.reason = speed_obstacle(request.wanted);
  if (!made.identity.reason.empty()) {
    made.identity.status = analysis::Status::kSkipped;
    return made;
  }
  try {
    const SpeedResult result = request.wanted.measure(request);
    for (const TimedEvent& event : result.events) {
      made.samples.push_back(make_sample(request, event, recording_start_ns));
    }
    if (result.value) made.values.push_back({request.wanted.metric, *result.value});
  } catch (const std::exception& error) {
    made.identity.status = analysis::Status::kFailed;
    made.identity.reason = error.what();
  }
  return made;
}

class SpeedSuite {
 public:
  SpeedSuite(const SpeedOptions& options, const BareNotification& bare,
             std::vector<std::string> command)
      : options_(options),
        bare_(bare),
        start_ns_(now_ns()),
        made_(describe_recording("software", "softgpu", options.seed, std::move(command))),
        recording_(options.results, made_.manifest) {}

  int run(const std::vector<SpeedCase>& cases) {
    std::mt19937_64 random(options_.seed);
    for (std::uint32_t run = 0; run < options_.runs; ++run) {
      for (std::size_t index = 0; index < cases.size() && !end_requested(); ++index) {
        fmt::print("[run {}/{}, case {}/{}] ", run + 1, options_.runs, index + 1, cases.size());
        store({.wanted = cases[index],
               .budget = options_.budget,
               .seed = random() >> 16,
               .bare = bare_},
              run);
      }
    }
    recording_.write_manifest({{"finished_utc", utc_now()}, {"interrupted", end_requested()}});
    fmt::print("\n{}\n", speed_table(all_rows_));
    fmt::print(
        "{}\nplatform=software: these times describe the software GPU, not AMD hardware.\n"
        "results: {}\n",
        counts_.outcomes(), recording_.folder().string());
    return end_requested() ? kExitInterrupted : counts_.exit_code();
  }

 private:
  void store(const SpeedRequest& request, std::uint32_t run) {
    const std::int64_t begin_ns = now_ns();
    CaseRows made = run_case(request, start_ns_);
    made.identity.run = run;
    made_.identity.complete(made.identity, recording_.name());
    made.identity.duration_s = static_cast<double>(now_ns() - begin_ns) / 1e9;
    for (std::size_t event = 0; event < made.samples.size(); ++event) {
      made.samples[event].recording = recording_.name();
      made.samples[event].run = run;
      made.samples[event].event = static_cast<std::int64_t>(event);
    }
    const auto rows = analysis::summarize_run(made.identity, made.samples, made.values);
    recording_.add(rows, made.samples);
    counts_.add(made.identity);
    all_rows_.insert(all_rows_.end(), rows.begin(), rows.end());
    const analysis::SummaryRow& first = rows.front();
    fmt::print("{:<32} {}{}\n", first.case_name,
               first.p50 ? fmt::format("{:.3g} {} (n {})", *first.p50, first.unit, first.n) : "",
               first.reason);
    std::fflush(stdout);
  }

  const SpeedOptions& options_;
  const BareNotification& bare_;
  const std::int64_t start_ns_;
  NewRecording made_;
  Recording recording_;
  RowCounts counts_;
  std::vector<analysis::SummaryRow> all_rows_;
};

int print_table(const std::string& folder) {
  const std::string file = folder + "/summary.csv";
  try {
    std::ifstream in = analysis::open_input(file);
    fmt::print("{}", speed_table(analysis::read_summary(in, file)));
    return kExitOk;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kExitUsage;
  }
}

int speed_main(int argc, char** argv) {
  SpeedOptions options;
  CLI::App app("What the software GPU costs beside what it is compared with, in one process.");
  add_options(app, options);
  std::vector<SpeedCase> cases;
  const auto all = [&options] {
    return options.jobs ? speed_cases_of_jobs() : speed_cases_of_preemption();
  };
  const auto name = [](const SpeedCase& one) { return one.name; };
  const auto line = [](const SpeedCase& one) {
    return fmt::format("{:<32} {}", one.name, one.reference);
  };
  if (const auto ended = choose_cases(app, argc, argv, options.choice, cases, all, name, line)) {
    return *ended;
  }
  if (!options.table_of.empty()) return print_table(options.table_of);
  setenv("SOFTGPU_WAVES", std::to_string(kMostSpeedWaves).c_str(), 1);
  setenv("SOFTGPU_CWSR", options.jobs ? "0" : "1", 1);
  setenv("HSA_XNACK", "0", 1);
  const BareNotification bare;  // before the device: see there
  end_on_signals();
  return SpeedSuite(options, bare, {argv, argv + argc}).run(cases);
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  try {
    return notifier::speed_main(argc, argv);
  } catch (const notifier::ResultsError& error) {
    fmt::print(stderr, "{}\nWhat was stored before is valid.\n", error.what());
    return notifier::kExitResults;
  } catch (const std::exception& error) {
    fmt::print(stderr, "softgpu_speed: {}\n", error.what());
    return notifier::kExitNothingRan;
  }
}
