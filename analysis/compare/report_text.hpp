// SPDX-License-Identifier: MIT
// Words and numbers that several reports share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/report.hpp"

namespace notifier::analysis {

// "4.31 ms", "850 ns", "12", "3.2e+09 1/s". Micro is "us" where only ASCII is wanted.
enum class Charset : std::uint8_t { kAscii, kUtf8 };
std::string natural(double value, std::string_view unit, Charset charset);

// An effect on the row's scale: "+5.2 %", or "+1.5" and the unit.
std::string effect_text(const Row& row, double effect, Charset charset);
// "[+4.1, +6.3] %"; "n/a" without an interval.
std::string interval_text(const Row& row, Charset charset);
std::string old_text(const Row& row, Charset charset);
std::string new_text(const Row& row, Charset charset);
// Effect and interval, or the shares of a quantised metric, or nothing.
std::string change_text(const Row& row, Charset charset);
std::string probability_text(std::optional<double> p);
// Reason and further runs.
std::string reason_text(const Row& row);
// "10+10 runs", "3+3 boots".
std::string count_text(const Row& row);

// One line per side: runs, cases, boots, kernels.
std::string side_text(const RunSet& runs);
std::string difference_text(const EnvironmentDifference& difference);
std::string_view kind_text(DifferenceKind kind);
// What was tested and what the exit code says.
std::vector<std::string> method_lines(const Comparison& comparison, const ReportContext& context);
std::string outcome_line(const Comparison& comparison);

// Rows that a short report shows: what is broken or changed, and undecided headlines.
bool is_notable(const Row& row);

// Pads every column to its widest cell; the first row is the header.
enum class Align : std::uint8_t { kLeft, kRight };
using TextTable = std::vector<std::vector<std::string>>;
std::vector<std::size_t> column_widths(const TextTable& table);
std::string pad(const std::string& cell, std::size_t width, Align align);

}  // namespace notifier::analysis
