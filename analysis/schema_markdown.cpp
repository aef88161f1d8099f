// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <iterator>

#include "analysis/flags.hpp"
#include "analysis/manifest.hpp"
#include "analysis/schema.hpp"
#include "analysis/validate.hpp"

namespace notifier::analysis {
namespace {

std::string_view presence_word(Presence presence) {
  return presence == Presence::kRequired ? "required" : "optional";
}

template <typename Row>
void append_columns(std::string& text, std::string_view title,
                    std::span<const Column<Row>> columns) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "### {}\n\n| column | type | unit | | meaning |\n|---|---|---|---|---|\n",
                 title);
  for (const Column<Row>& column : columns) {
    fmt::format_to(out, "| {} | {} | {} | {} | {} |\n", column.name, column.type, column.unit,
                   presence_word(column.presence), column.meaning);
  }
  text += '\n';
}

void append_manifest(std::string& text) {
  auto out = std::back_inserter(text);
  text += "### manifest.json\n\n| field | type | | meaning |\n|---|---|---|---|\n";
  for (const ManifestField& field : manifest_fields()) {
    fmt::format_to(out, "| {} | {} | {} | {} |\n", field.name, field.type,
                   presence_word(field.presence), field.meaning);
  }
  text += '\n';
}

void append_metrics(std::string& text) {
  auto out = std::back_inserter(text);
  text +=
      "### Metrics\n\n| metric | unit | better | per | headline | meaning |\n"
      "|---|---|---|---|---|---|\n";
  for (const MetricInfo& metric : all_metrics()) {
    const std::string headline =
        metric.headline_order == 0 ? "" : std::to_string(metric.headline_order);
    fmt::format_to(out, "| {} | {} | {} | {} | {} | {} |\n", metric.name, metric.unit,
                   to_word(metric.better), is_event_metric(metric.metric) ? "event" : "run",
                   headline, metric.meaning);
  }
  text += '\n';
}

void append_flags(std::string& text) {
  auto out = std::back_inserter(text);
  text += "### Flags\n\n| flag | taints | meaning |\n|---|---|---|\n";
  for (const FlagInfo& flag : all_flags()) {
    fmt::format_to(out, "| {} | {} | {} |\n", flag.name, flag.taint == Taint::kYes ? "yes" : "no",
                   flag.meaning);
  }
}

}  // namespace

std::string schema_markdown() {
  std::string text;
  append_columns(text, "summary.csv", summary_columns());
  append_columns(text, "samples.csv", sample_columns());
  append_manifest(text);
  append_metrics(text);
  append_flags(text);
  return text;
}

}  // namespace notifier::analysis
