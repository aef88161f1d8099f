// SPDX-License-Identifier: MIT
// What a stall was made of, in words.
#pragma once

#include <string>

#include "analysis/schema.hpp"
#include "harness/case.hpp"

namespace notifier {

/// One sentence from the sample's stations, for example "97 % from stop to restore: the driver
/// waited and looked up 16384 pages again".
std::string describe_stall(const Case& measured, const analysis::SampleRow& sample);

}  // namespace notifier
