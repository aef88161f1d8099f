// SPDX-License-Identifier: MIT
#include "bench/probe_command.hpp"

#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "bench/case_families.hpp"
#include "bench/exit_code.hpp"
#include "harness/probe.hpp"

namespace notifier {
namespace {

// The kinds of cases, sizes and policies left aside: no machine lacks those.
std::vector<ProbedCase> probed_cases() {
  std::vector<ProbedCase> kinds;
  std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
  for (const Case& wanted : all_cases({kMediumBytes})) {
    const ProbedCase kind{std::string(to_string(wanted.memory)),
                          std::string(to_string(wanted.backing)), wanted.perturbation,
                          std::string(to_string(wanted.recovery))};
    if (seen.emplace(kind.memory, kind.backing, kind.perturbation, kind.recovery).second) {
      kinds.push_back(kind);
    }
  }
  return kinds;
}

}  // namespace

int run_probe(const Options& options, const char* program) {
  std::error_code error;
  if (!options.sysroot.empty() && !std::filesystem::is_directory(options.sysroot, error)) {
    std::fprintf(stderr, "--sysroot: %s is no directory\n", options.sysroot.c_str());
    return kExitUsage;
  }
  const std::string name = std::filesystem::path(program).filename().string();
  const bool software = name.find("softgpu") != std::string::npos;
  const nlohmann::json probed =
      probe(SystemView(options.sysroot), software ? "software" : "rocm", probed_cases());
  std::printf("%s\n", options.json ? probed.dump(2).c_str() : probe_text(probed).c_str());
  return probe_exit_code(probed);
}

}  // namespace notifier
