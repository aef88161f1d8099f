// SPDX-License-Identifier: MIT
// --probe.
#pragma once

#include "bench/options.hpp"

namespace notifier {

/// Prints what this machine (or the one under options.sysroot) is and which kinds of cases can run.
/// `program` is argv[0]: the executable's name tells which GPU it is linked against, which nothing
/// else does while no GPU is touched. Returns the exit code.
int run_probe(const Options& options, const char* program);

}  // namespace notifier
