// SPDX-License-Identifier: MIT
// What a stall was made of, in words.
#pragma once

#include <span>
#include <string>

#include "analysis/schema.hpp"
#include "harness/case.hpp"

namespace notifier {

/// One part of a stall; the parts of an event add up to it.
struct StallPart {
  analysis::Metric metric;
  const char* name;
  const char* meaning;
  bool per_page;  // work on each page
};

/// In the order in which they happen, as fine as the driver tells; empty without an eviction.
std::span<const StallPart> stall_parts(const analysis::SampleRow& sample);

/// Null without an eviction.
const StallPart* longest_part(const analysis::SampleRow& sample);

/// One sentence from the sample's stations, for example "97 % from stop to restore: the driver
/// waited and looked up 16384 pages again".
std::string describe_stall(const Case& measured, const analysis::SampleRow& sample);

}  // namespace notifier
