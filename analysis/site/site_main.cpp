// SPDX-License-Identifier: MIT
// notifier_site: all recordings as a static web site.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "analysis/site/site.hpp"

int main(int argc, char** argv) {
  using notifier::site::SiteOptions;
  using notifier::site::SiteReport;
  constexpr int kExitUsage = 2;
  constexpr int kExitNotWritten = 4;

  CLI::App app(
      "Writes a static web site of all recordings below RESULTS to the folder OUT. It opens\n"
      "from file:// and from any web server, and loads nothing from elsewhere.\n\n"
      "Exit code: 0 written, 2 bad usage, 4 could not be read or written.");
  SiteOptions options;
  app.add_option("results", options.results, "folder with <machine>/<recording>/")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("out", options.out, "folder of the site; an older site there is replaced")
      ->required();
  app.add_option("--details", options.details,
                 "recordings per machine, the latest ones, with a full report (default 30)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  try {
    const SiteReport report = notifier::site::build_site(options);
    fmt::print("{} recordings, {} rows, {} series, {} changes{}\n", report.recordings, report.rows,
               report.series, report.groups, report.synthetic ? " (synthetic data)" : "");
    if (report.unreadable > 0) {
      fmt::print("{} recordings cannot be read; the overview says why\n", report.unreadable);
    }
    fmt::print("open {}\n", (options.out / "index.html").string());
  } catch (const std::exception& error) {
    fmt::print(stderr, "notifier_site: {}\n", error.what());
    return kExitNotWritten;
  }
  return 0;
}
