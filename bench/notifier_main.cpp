// SPDX-License-Identifier: MIT
// notifier_mm: what an mm call costs, and how long a vCPU stands still, against the number of
// secondary MMUs and vCPUs that use the memory. No GPU, no softgpu device: Google Benchmark and
// KVM.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/notifier_calls.hpp"
#include "bench/notifier_sweepers.hpp"

namespace notifier {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr std::int64_t kKib = 1024;
constexpr std::int64_t kMib = 1024 * kKib;
constexpr std::int64_t kGib = 1024 * kMib;
// A vCPU that is emulated takes about a microsecond for each instruction.
constexpr std::int64_t kMostEmulatedBytes = 64 * kKib;
constexpr std::array<std::int64_t, 8> kSizes = {4 * kKib,   64 * kKib, 2 * kMib, 16 * kMib,
                                                256 * kMib, kGib,      4 * kGib, 8 * kGib};

// A case that could not run here is a row with its reason; one that went wrong ends the program
// with 1.
bool something_failed = false;

struct Users {
  std::int64_t machines;
  std::int64_t vcpus;  // of each
};
// No machine: no notifier. Several vCPUs of one machine share its page tables; several machines
// have a notifier each.
constexpr std::array kUsers = {Users{0, 0}, Users{1, 1}, Users{1, 2},
                               Users{1, 4}, Users{2, 1}, Users{4, 1}};

std::int64_t available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    if (line.starts_with("MemAvailable:")) return std::stoll(line.substr(13)) * kKib;
  }
  return 0;
}

double quantile(std::vector<double>& values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

struct Samples {
  std::vector<double> call_ns;
  std::vector<double> stall_ns;
  std::vector<double> pages;  // of a call that may leave some
};

std::uint64_t pages_so_far(const MmCall& call) {
  return call.pages_so_far != nullptr ? call.pages_so_far() : 0;
}

/// One event: everything mapped everywhere, the call, and a round of every vCPU after it.
void measure(const MmCall& call, const CallMemory& memory, Sweepers& sweepers, bool has_vcpus,
             Samples& samples) {
  using Clock = std::chrono::steady_clock;
  populate(memory);
  sweepers.give(kSweepWrite);
  sweepers.wait_round();
  sweepers.give(call.order);
  sweepers.wait_round();
  sweepers.give(call.order);
  call.prepare(memory);
  const std::uint64_t pages_before = pages_so_far(call);
  const auto before = Clock::now();
  const bool done = call.perform(memory);
  const auto after = Clock::now();
  if (!done) throw std::runtime_error(fmt::format("{}: {}", call.name, std::strerror(errno)));
  if (call.pages_so_far != nullptr) {
    samples.pages.push_back(static_cast<double>(pages_so_far(call) - pages_before));
  }
  sweepers.wait_round();
  if (has_vcpus) samples.stall_ns.push_back(static_cast<double>(sweepers.longest_gap_ns()));
  sweepers.give(kSweepAway);
  call.finish(memory);
  samples.call_ns.push_back(std::chrono::duration<double, std::nano>(after - before).count());
}

void report(benchmark::State& state, Samples& samples, const CallMemory& memory) {
  constexpr double kPageBytes = 4096;
  if (!samples.pages.empty()) {
    // The time of a call that took nothing is not what the row says it is.
    if (quantile(samples.pages, 1) == 0) {
      state.SkipWithError("skipped: no call took a page");
      return;
    }
    state.counters["pages_p50"] = quantile(samples.pages, 0.5);
  }
  state.counters["call_p50_ns"] = quantile(samples.call_ns, 0.5);
  state.counters["call_max_ns"] = quantile(samples.call_ns, 1);
  state.counters["call_p50_ns_per_page"] =
      quantile(samples.call_ns, 0.5) * kPageBytes / static_cast<double>(memory.size_bytes);
  if (samples.stall_ns.empty()) return;
  state.counters["stall_p50_ns"] = quantile(samples.stall_ns, 0.5);
  state.counters["stall_max_ns"] = quantile(samples.stall_ns, 1);
}

// A quarter: fork and mremap need room, and so does whoever else is here.
constexpr std::int64_t kPartOfMemory = 4;

/// Why there is no such row on this machine; empty: there is.
std::string obstacle(const MmCall& call, bool has_vcpus, std::int64_t size_bytes,
                     std::int64_t available) {
  if (const std::string why = call.unavailable(); !why.empty()) return why;
  if (size_bytes > available / kPartOfMemory) {
    return fmt::format("needs {} GiB of available memory",
                       (size_bytes * kPartOfMemory + kGib - 1) / kGib);
  }
  if (!has_vcpus) return {};
  if (const std::string why = why_no_secondary_mmu(); !why.empty()) return why;
  if (kvm_emulates() && size_bytes > kMostEmulatedBytes) {
    return "this CPU virtualises nothing, and emulated vCPUs are slow: at most 64 KiB";
  }
  return {};
}

void run_case(benchmark::State& state, const MmCall& call, std::int64_t available) {
  const bool has_vcpus = state.range(0) > 0;
  const auto size_bytes = static_cast<std::size_t>(state.range(2));
  if (const std::string why = obstacle(call, has_vcpus, state.range(2), available); !why.empty()) {
    state.SkipWithError(("skipped: " + why).c_str());
    return;
  }
  std::optional<CallMemory> memory;
  try {
    memory = map_call_memory(size_bytes, state.range(3) != 0);
    populate(*memory);
    if (const std::string wrong = wrong_pages(*memory); !wrong.empty()) {
      throw std::runtime_error(wrong);
    }
    Sweepers sweepers(static_cast<unsigned>(state.range(0)), static_cast<unsigned>(state.range(1)),
                      memory->begin, size_bytes);
    Samples samples;
    for ([[maybe_unused]] auto _ : state) {
      measure(call, *memory, sweepers, has_vcpus, samples);
      state.SetIterationTime(samples.call_ns.back() / 1e9);
    }
    report(state, samples, *memory);
  } catch (const std::exception& error) {
    something_failed = true;
    state.SkipWithError(error.what());
  }
  if (memory) unmap_call_memory(*memory);
}

void register_cases(std::int64_t available, std::uint32_t events) {
  constexpr std::int64_t kHugeBytes = 2 * kMib;
  for (const MmCall& call : mm_calls()) {
    auto* one = benchmark::RegisterBenchmark(
        std::string(call.name).c_str(),
        [&call, available](benchmark::State& state) { run_case(state, call, available); });
    one->UseManualTime()->Iterations(events)->Unit(benchmark::kMicrosecond);
    one->ArgNames({"machines", "vcpus", "bytes", "thp"});
    for (const std::int64_t size : kSizes) {
      for (const Users& users : kUsers) {
        one->Args({users.machines, users.vcpus, size, 0});
        if (size >= kHugeBytes) one->Args({users.machines, users.vcpus, size, 1});
      }
    }
  }
}

/// Says where the rows come from.
void describe_machine() {
  const std::string problem = why_no_secondary_mmu();
  const std::string kvm = !problem.empty() ? problem
                          : kvm_emulates() ? "emulated: vCPUs have no page tables of their own, "
                                             "times of rows with vCPUs mean nothing"
                                           : "secondary MMU";
  benchmark::AddCustomContext("kvm", kvm);
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  CLI::App app{
      "What an mm call costs, and how long a vCPU stands still, against the number of secondary "
      "MMUs "
      "that use the memory (docs/notifier_mm.md)."};
  app.footer(
      "Google Benchmark's options work too: --benchmark_filter=REGEX, --benchmark_list_tests,\n"
      "--benchmark_repetitions=N, --benchmark_out=FILE --benchmark_out_format=json.\n"
      "Exit codes: 0 ok; 1 a call failed; 2 bad usage. What cannot run here is a row with the "
      "reason.");
  app.allow_extras();
  std::uint32_t events = 50;
  app.add_option("--events", events, "Calls in each case")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : notifier::kExitUsage;
  }
  std::vector<std::string> words = app.remaining();
  std::vector<char*> rest = {argv[0]};
  for (std::string& word : words) rest.push_back(word.data());
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return notifier::kExitUsage;
  notifier::describe_machine();
  notifier::register_cases(notifier::available_bytes(), events);
  if (benchmark::RunSpecifiedBenchmarks() == 0) {
    fmt::print(stderr,
               "notifier_mm: no case matches the filter; --benchmark_list_tests lists them\n");
    return notifier::kExitUsage;
  }
  benchmark::Shutdown();
  return notifier::something_failed ? notifier::kExitFailed : 0;
}
