// SPDX-License-Identifier: MIT
#include "bench/pin_suite.hpp"

#include <sched.h>
#include <unistd.h>

#include <chrono>

#include "harness/environment.hpp"
#include "harness/pin/clock.hpp"

namespace notifier {
namespace {

// Old values of the machine's settings while ksmd runs for us.
constexpr const char* kSettingsFile = "notifier_pin_settings";

std::string text_or(const nlohmann::json& value, const std::string& otherwise) {
  return value.is_string() ? value.get<std::string>() : otherwise;
}

std::uint64_t seed_of(std::uint64_t seed, const std::string& name, std::uint32_t run_number) {
  std::uint64_t hash = seed + run_number;
  for (const char byte : name) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3ull;
  return hash & 0x7FFF'FFFF'FFFF'FFFF;  // CSV holds signed numbers
}

/// The counters are those of the whole machine, and direct I/O of others pins for a moment: only
/// what is still there after two seconds was left behind.
std::string await_release(const pin::PinnedMemory& before) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (true) {
    std::string leak = describe_leak(before, pin::read_pinned_memory(SystemView()));
    if (leak.empty() || std::chrono::steady_clock::now() > limit) return leak;
    sched_yield();
  }
}

}  // namespace

PinSuite::PinSuite(const std::filesystem::path& results, nlohmann::json manifest,
                   std::uint64_t seed, std::string platform)
    : results_(results),
      seed_(seed),
      start_ns_(pin::raw_clock_ns()),
      platform_(std::move(platform)),
      machine_(manifest.at("machine")),
      pinned_before_(pin::read_pinned_memory(SystemView())) {
  const nlohmann::json& environment = manifest.at("environment");
  boot_id_ = text_or(environment_value(environment, "machine", "boot_id"), "unknown");
  kernel_release_ = text_or(environment_value(environment, "kernel", "release"), "unknown");
  manifest["platform"] = platform_;
  recording_ = std::make_unique<Recording>(results, std::move(manifest));
}

void PinSuite::complete(analysis::SummaryRow& row) const {
  row.recording = recording_->name();
  row.machine = machine_;
  row.platform = platform_;
  row.boot_id = boot_id_;
  row.kernel_release = kernel_release_;
}

// ksmd only runs when told to. The old values come back with the suite, or with the next one.
void PinSuite::wake_ksmd() {
  if (settings_ != nullptr || access("/sys/kernel/mm/ksm/run", W_OK) != 0) return;
  const std::filesystem::path state = results_ / kSettingsFile;
  SettingsChange::recover(SystemView(), state);
  settings_ = std::make_unique<SettingsChange>(SystemView(), state);
  settings_->set("ksm_sleep_ms", "0");
  settings_->set("ksm_pages_to_scan", "100000");
  settings_->set("ksm_run", "1");
}

void PinSuite::run(const PinCase& wanted, std::uint32_t events, std::uint32_t run_number,
                   std::optional<std::int64_t> deadline_ns) {
  if (wanted.perturbation_name() == "ksm") wake_ksmd();
  PinRequest request{.wanted = wanted,
                     .events = events,
                     .seed = seed_of(seed_, wanted.name(), run_number),
                     .recording_start_ns = start_ns_,
                     .kernel_version = kernel_version(kernel_release_),
                     .deadline_ns = deadline_ns,
                     .actors = &actors_};
  const std::string started_utc = utc_now();
  const std::int64_t before_ns = pin::raw_clock_ns();
  PinResult result = run_pin_case(request);
  analysis::SummaryRow& identity = result.identity;
  complete(identity);
  identity.run = run_number;
  identity.started_utc = started_utc;
  identity.duration_s = static_cast<double>(pin::raw_clock_ns() - before_ns) / 1e9;
  for (analysis::SampleRow& sample : result.samples) {
    sample.recording = recording_->name();
    sample.run = run_number;
  }
  const std::vector<analysis::SummaryRow> rows =
      analysis::summarize_run(identity, result.samples, result.run_values);
  recording_->add(rows, result.samples);
  rows_.insert(rows_.end(), rows.begin(), rows.end());
  cut_short_ += result.cut_short ? 1 : 0;
  violations_ += analysis::total_violations(identity).value_or(0);
  ++(identity.status == analysis::Status::kOk        ? ok_
     : identity.status == analysis::Status::kSkipped ? skipped_
                                                     : failed_);
}

void PinSuite::finish(bool interrupted) {
  settings_.reset();
  actors_.clear();
  leak_ = await_release(pinned_before_);
  recording_->write_manifest({{"finished_utc", utc_now()},
                              {"interrupted", interrupted},
                              {"pins_left", leak_},
                              {"cases_cut_short", cut_short_}});
}

}  // namespace notifier
