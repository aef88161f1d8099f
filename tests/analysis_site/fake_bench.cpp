// SPDX-License-Identifier: MIT
// Stores recordings with the harness's own code, without measuring: for the tests of
// scripts/nightly and scripts/fleet. Each run takes a millisecond, so that a kill finds it at work.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "analysis/summary.hpp"
#include "harness/recording.hpp"

namespace {

using notifier::analysis::Metric;
using notifier::analysis::SampleRow;
using notifier::analysis::SummaryRow;

struct FakeOptions {
  std::string results = "results";
  std::string machine = "fake";
  std::string device = "fake GPU";
  std::string acknowledge;  // gets one line for each run that is stored
  std::int64_t runs = 10;
  std::int64_t cases = 5;
  double slow_factor = 1;
  int exit_code = 0;
};

std::vector<SampleRow> make_samples(const SummaryRow& identity, double slow_factor) {
  std::vector<SampleRow> samples(20);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    SampleRow& sample = samples[i];
    sample.recording = identity.recording;
    sample.case_name = identity.case_name;
    sample.run = identity.run;
    sample.event = static_cast<std::int64_t>(i);
    sample.start_ns = sample.event * 1'000'000;
    const auto wobble = static_cast<double>((identity.run * 7 + sample.event * 13) % 17);
    sample[Metric::kStall] = (20'000 + wobble * 20) * slow_factor;
    sample[Metric::kSyscall] = 5'000 + wobble;
  }
  return samples;
}

int run(const FakeOptions& options) {
  notifier::Recording recording(
      options.results, {{"machine", options.machine},
                        {"platform", "software"},
                        {"environment", {{"kernel", {{"release", "fake"}}}, {"fake", true}}},
                        {"command", {"fake_bench"}},
                        {"seed", 1}});
  int acknowledge = -1;
  if (!options.acknowledge.empty()) {
    acknowledge =
        open(options.acknowledge.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  }
  for (std::int64_t run = 0; run < options.runs; ++run) {
    for (std::int64_t number = 0; number < options.cases; ++number) {
      SummaryRow row;
      row.recording = recording.name();
      row.machine = options.machine;
      row.platform = "software";
      row.device = options.device;
      row.boot_id = "fake";
      row.kernel_release = "fake";
      row.case_name =
          fmt::format("userptr/anon/fork_exit/default/preempt/small/{}MiB", 1 << number);
      row.perturbation = "fork_exit";
      row.memory = "userptr";
      row.run = run;
      const std::vector<SampleRow> samples = make_samples(row, options.slow_factor);
      recording.add(notifier::analysis::summarize_run(row, samples), samples);
      const std::string line =
          fmt::format("{}/{} {} {}\n", options.machine, recording.name(), row.case_name, run);
      if (acknowledge >= 0 && write(acknowledge, line.data(), line.size()) < 0) return 4;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  recording.write_manifest({{"interrupted", false}, {"finished_utc", notifier::utc_now()}});
  return options.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Stores a recording without measuring, for tests.");
  FakeOptions options;
  app.add_option("--results", options.results);
  app.add_option("--machine", options.machine)->envname("NOTIFIER_FAKE_MACHINE");
  app.add_option("--device", options.device)->envname("NOTIFIER_FAKE_DEVICE");
  app.add_option("--acknowledge", options.acknowledge);
  app.add_option("--runs", options.runs);
  app.add_option("--cases", options.cases);
  app.add_option("--slow-factor", options.slow_factor)->envname("NOTIFIER_FAKE_SLOW");
  app.add_option("--exit-code", options.exit_code);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 4;
  }
}
