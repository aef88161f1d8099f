// SPDX-License-Identifier: MIT
// Recordings that no machine made, for tests and benchmarks of the site only. Each manifest says
// suite.synthetic, and every page that is built from them says it too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace notifier::site {

struct SyntheticOptions {
  std::size_t machines = 1;
  std::size_t nights = 60;
  std::size_t cases = 20;
  std::size_t runs = 1;
  // Events of each run in the last `sampled_nights` nights; other nights have no samples.csv, as
  // after its retention time. With 0 none has.
  std::size_t events = 0;
  std::size_t sampled_nights = 2;
  std::uint64_t seed = 1;
};

void write_synthetic_results(const std::filesystem::path& results, const SyntheticOptions& options);

}  // namespace notifier::site
