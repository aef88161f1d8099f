// SPDX-License-Identifier: MIT
// The columns of the comparison's CSV, which the JSON report takes its keys from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "analysis/columns.hpp"
#include "analysis/compare/comparison.hpp"

namespace notifier::analysis {

struct ReportRow {
  std::string verdict;
  std::string gate;
  std::string machine;
  std::string device;
  std::string case_name;
  std::string metric;
  std::string statistic;
  std::string unit;
  std::string better;
  std::string headline;
  std::string scale;
  std::optional<double> old_figure;
  std::optional<double> new_figure;
  std::optional<double> change;
  std::optional<double> change_low;
  std::optional<double> change_high;
  std::optional<double> minimum_effect;
  std::string interval_kind;
  std::optional<double> bootstrap_low;
  std::optional<double> bootstrap_high;
  std::string test;
  std::string replicate;
  std::optional<double> p;
  std::optional<double> q;
  std::optional<double> p_gate;
  std::optional<double> cliffs_delta;
  std::optional<double> spread;
  std::string shares;
  std::int64_t old_runs = 0;
  std::int64_t new_runs = 0;
  std::int64_t old_boots = 0;
  std::int64_t new_boots = 0;
  std::int64_t old_events = 0;
  std::int64_t new_events = 0;
  std::optional<std::int64_t> further;
  std::string reason;
  std::string command;
};

std::span<const Column<ReportRow>> report_columns();
ReportRow make_report_row(const Row& row);

}  // namespace notifier::analysis
