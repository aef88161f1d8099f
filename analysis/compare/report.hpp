// SPDX-License-Identifier: MIT
// The forms in which a comparison is given to people and programs. None adds or drops a figure; all
// depend on nothing but their arguments, so that the same input gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

struct ReportContext {
  const RunSet* old_runs = nullptr;
  const RunSet* new_runs = nullptr;
  CompareOptions options;
  bool strict = false;
  int exit_code = 0;
};

struct TerminalOptions {
  bool colour = false;
  bool all = false;       // same and undecided figures other than headlines, too
  std::size_t most = 40;  // rows, unless all are asked for
};

std::string terminal_report(const Comparison& comparison, const ReportContext& context,
                            const TerminalOptions& options);
// Plain ASCII, lines that survive a mail.
std::string markdown_report(const Comparison& comparison, const ReportContext& context);
std::string csv_report(const Comparison& comparison);
std::string json_report(const Comparison& comparison, const ReportContext& context);
std::string junit_report(const Comparison& comparison, const ReportContext& context);
// One file, no network: a ratio-by-quantile curve with its band for each row worth a look.
std::string html_report(const Comparison& comparison, const ReportContext& context);

}  // namespace notifier::analysis
