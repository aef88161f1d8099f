// SPDX-License-Identifier: MIT
// --list --long: what each case is, in Markdown.
#pragma once

#include <string>
#include <vector>

#include "harness/case.hpp"

namespace notifier {

/// docs/cases.md.
std::string document_cases();

/// What happens in the given cases: the part of it about their perturbations.
std::string document_perturbations_of(const std::vector<Case>& cases);

}  // namespace notifier
