// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>

#include "tests/analysis_site/synthetic_results.hpp"

int main(int argc, char** argv) {
  CLI::App app("Writes synthetic recordings, for tests and benchmarks of the site.");
  notifier::site::SyntheticOptions options;
  std::string folder;
  app.add_option("folder", folder, "results folder to write into")->required();
  app.add_option("--machines", options.machines);
  app.add_option("--nights", options.nights);
  app.add_option("--cases", options.cases);
  app.add_option("--runs", options.runs);
  app.add_option("--events", options.events);
  app.add_option("--sampled-nights", options.sampled_nights);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  notifier::site::write_synthetic_results(folder, options);
  return 0;
}
