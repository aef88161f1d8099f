// SPDX-License-Identifier: MIT
#include "bench/recording_identity.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "harness/environment.hpp"
#include "harness/recording.hpp"

namespace notifier {
namespace {

std::string machine_name() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  std::string machine = host.data();
  // The machine's name becomes a folder.
  std::ranges::replace_if(
      machine, [](unsigned char byte) { return std::isalnum(byte) == 0 && byte != '-'; }, '_');
  return machine.empty() ? "unnamed" : machine;
}

std::string kernel_text(const nlohmann::json& environment, const std::string& field) {
  const nlohmann::json value = environment_value(environment, "kernel", field);
  return value.is_string() ? value.get<std::string>() : "unknown";
}

}  // namespace

void RecordingIdentity::complete(analysis::SummaryRow& row, const std::string& recording) const {
  row.recording = recording;
  row.machine = machine;
  row.boot_id = boot_id;
  row.kernel_release = kernel_release;
  row.platform = platform;
  row.device = device;
  row.started_utc = utc_now();
}

NewRecording describe_recording(std::string platform, std::string device, std::uint64_t seed,
                                std::vector<std::string> command) {
  nlohmann::json environment = read_environment(SystemView());
  NewRecording made;
  made.identity = {.machine = machine_name(),
                   .boot_id = kernel_text(environment, "boot_id"),
                   .kernel_release = kernel_text(environment, "release"),
                   .platform = std::move(platform),
                   .device = std::move(device)};
  made.manifest = {{"environment", std::move(environment)},
                   {"machine", made.identity.machine},
                   {"command", std::move(command)},
                   {"seed", seed},
                   {"platform", made.identity.platform}};
  return made;
}

}  // namespace notifier
