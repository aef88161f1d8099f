// SPDX-License-Identifier: MIT
// notifier_fleet: the GPUs of a fleet against each other.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "analysis/fleet/fleet.hpp"

int main(int argc, char** argv) {
  constexpr int kExitOutlier = 1;
  constexpr int kExitUsage = 2;
  constexpr int kExitUndecided = 3;
  CLI::App app(
      "Compares GPUs that ran the same cases, and names those that are not like the rest, as a\n"
      "Markdown table.\n\n"
      "Exit code: 0 all alike, 1 an outlier, 2 bad usage, 3 too few GPUs or a recording unread.");
  std::vector<std::string> folders;
  notifier::fleet::FleetOptions options;
  double percent = 100 * options.smallest_effect;
  app.add_option("recordings", folders, "folders of recordings")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--smallest-effect", percent, "differences below this many percent do not count")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  options.smallest_effect = percent / 100;
  std::vector<notifier::site::RecordingData> recordings;
  std::vector<notifier::site::KeyTable> tables(1);
  for (const std::string& folder : folders) {
    recordings.push_back(notifier::site::read_recording(folder, tables[0]));
  }
  const notifier::fleet::FleetReport report =
      notifier::fleet::compare_fleet(recordings, tables, options);
  fmt::print("{}", fleet_markdown(report, options));
  if (report.any_odd()) return kExitOutlier;
  return report.too_few || !report.problems.empty() ? kExitUndecided : 0;
}
