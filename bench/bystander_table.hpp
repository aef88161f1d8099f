// SPDX-License-Identifier: MIT
// What those paid who took no part (--bystanders), one line per case and run.
#pragma once

#include <map>
#include <span>
#include <string>

#include "analysis/schema.hpp"

namespace notifier {

/// Markdown. `who` is what each bystander was, or why there was none.
std::string bystander_markdown(const std::map<std::string, std::string>& who,
                               std::span<const analysis::SummaryRow> rows);

}  // namespace notifier
