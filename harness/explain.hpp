// SPDX-License-Identifier: MIT
// Where the time of a case's stalls went, as bars and in words. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "harness/case.hpp"

namespace notifier {

/// A case and the samples of all its runs.
struct ExplainedCase {
  Case measured;
  std::vector<analysis::SampleRow> samples;
};

/// The case itself, then the cases whose measurement tells what its cause is: another size, and
/// MADV_DONTFORK where a fork evicts.
std::vector<Case> cases_to_explain(const Case& wanted);

/// `cases` are those of cases_to_explain() as far as they gave samples, the explained one first.
std::string explain(std::span<const ExplainedCase> cases);

}  // namespace notifier
