// SPDX-License-Identifier: MIT
#include "analysis/compare/report_columns.hpp"

namespace notifier::analysis {
namespace {

using R = ReportRow;
constexpr Presence kRequired = Presence::kRequired;
constexpr Presence kOptional = Presence::kOptional;

constexpr std::array kColumns = {
    column<&R::verdict>("verdict", kRequired, "",
                        "broken, slower/worse, faster/better, repaired, undecided, not comparable "
                        "or same"),
    column<&R::gate>("gate", kOptional, "", "what the row means for the exit code; empty: nothing"),
    column<&R::machine>("machine", kOptional, "", "as in summary.csv"),
    column<&R::device>("device", kOptional, "", "as in summary.csv"),
    column<&R::case_name>("case_name", kRequired, "", "as in summary.csv"),
    column<&R::metric>("metric", kOptional, "", "empty for status and violations"),
    column<&R::statistic>("statistic", kRequired, "", "p50, p90, p99, shape, status, violations"),
    column<&R::unit>("unit", kOptional, "", "of both figures"),
    column<&R::better>("better", kRequired, "", "lower or higher"),
    column<&R::headline>("headline", kRequired, "", "whether the gate looks at this figure"),
    column<&R::scale>("scale", kOptional, "", "ratio or absolute: what change means"),
    column<&R::old_figure>("old", kOptional, "unit", "median of the replicates"),
    column<&R::new_figure>("new", kOptional, "unit", "median of the replicates"),
    column<&R::change>("change", kOptional, "", "new / old - 1, or new - old in the unit"),
    column<&R::change_low>("change_low", kOptional, "", "lower end of the interval"),
    column<&R::change_high>("change_high", kOptional, "", "upper end of the interval"),
    column<&R::minimum_effect>("minimum_effect", kOptional, "", "what a change must exceed"),
    column<&R::interval_kind>("interval_kind", kOptional, "",
                              "rank, t, bootstrap_runs or bootstrap_events"),
    column<&R::bootstrap_low>("bootstrap_low", kOptional, "",
                              "p50: Harrell-Davis interval besides the rank interval"),
    column<&R::bootstrap_high>("bootstrap_high", kOptional, "", "its upper end"),
    column<&R::test>("test", kOptional, "", "rank, brunner_munzel, boot_variance or none"),
    column<&R::replicate>("replicate", kOptional, "", "run or boot"),
    column<&R::p>("p", kOptional, "", "two-sided, of this row alone"),
    column<&R::q>("q", kOptional, "", "Benjamini-Hochberg over all rows"),
    column<&R::p_gate>("p_gate", kOptional, "", "Holm over the headline rows"),
    column<&R::cliffs_delta>("cliffs_delta", kOptional, "", "P(new > old) - P(new < old)"),
    column<&R::spread>("spread", kOptional, "",
                       "standard deviation of the replicates (of their logs for a ratio)"),
    column<&R::shares>("shares", kOptional, "", "shape: low..high=old share>new share, by bucket"),
    column<&R::old_runs>("old_runs", kRequired, "", ""),
    column<&R::new_runs>("new_runs", kRequired, "", ""),
    column<&R::old_boots>("old_boots", kRequired, "", ""),
    column<&R::new_boots>("new_boots", kRequired, "", ""),
    column<&R::old_events>("old_events", kRequired, "", ""),
    column<&R::new_events>("new_events", kRequired, "", ""),
    column<&R::further>("further", kOptional, "",
                        "replicates a side until the row may become clear"),
    column<&R::reason>("reason", kOptional, "", "why the verdict is what it is"),
    column<&R::command>("command", kOptional, "", "measures the case again"),
};

}  // namespace

std::span<const Column<ReportRow>> report_columns() { return kColumns; }

}  // namespace notifier::analysis
