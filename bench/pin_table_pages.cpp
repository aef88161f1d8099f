// SPDX-License-Identifier: MIT
#include "bench/pin_table_pages.hpp"

#include <algorithm>
#include <map>

#include "bench/pin_markdown.hpp"
#include "harness/pin/backing.hpp"
#include "harness/pin/perturbation.hpp"

namespace notifier {
namespace {

using analysis::Status;

/// By backing, of one actor under one perturbation.
using PageRow = std::map<std::string, const PinCell*, std::less<>>;

std::string short_text(const PageRow& row, std::string_view backing) {
  const auto found = row.find(backing);
  if (found == row.end()) return "";
  const PinCell& cell = *found->second;
  if (cell.status == Status::kSkipped) return "skipped";
  const std::string outcome = cell.outcome.empty() ? "failed" : cell.outcome;
  const bool wrong = cell.status == Status::kFailed || cell.changed_in_child > 0;
  return wrong ? fmt::format("**{}**", outcome) : outcome;
}

PageRow row_of(std::span<const PinCell> cells, std::string_view memory,
               const pin::PerturbationRow& perturbation) {
  PageRow row;
  for (const PinCell& cell : cells) {
    if (cell.memory == memory && cell.perturbation == perturbation.name &&
        cell.policy == perturbation.policy && cell.size_bytes == pin::kUsedBytes) {
      row.emplace(cell.backing, &cell);
    }
  }
  return row;
}

}  // namespace

void append_outcomes_by_pages(std::string& text, std::span<const PinCell> cells) {
  std::string rows;
  for (const pin::ActorRow& actor : pin::actors()) {
    if (!actor.on_all_pages) continue;
    const std::string memory = fmt::format("pin_{}", actor.name);
    for (const pin::PerturbationRow& perturbation : pin::perturbations()) {
      if (!perturbation.on_all_pages) continue;
      const PageRow row = row_of(cells, memory, perturbation);
      // What was skipped for the same reason on every page is among the reasons.
      const bool ran = std::ranges::any_of(
          row, [](const auto& cell) { return cell.second->status != Status::kSkipped; });
      const bool only_plain = std::ranges::all_of(row, [](const auto& cell) {
        return cell.first == to_string(pin::Backing::kAnon) ||
               cell.first == to_string(pin::Backing::kThp);
      });
      if (!ran || only_plain) continue;
      std::vector<std::string> line = {memory, std::string(perturbation.name)};
      for (const pin::BackingRow& pages : pin::backings()) {
        line.push_back(short_text(row, pages.name));
      }
      append_row(rows, line);
    }
  }
  if (rows.empty()) return;
  text += "### Copy on write, by kind of page\n\n";
  std::vector<std::string> titles = {"actor", "perturbation"};
  for (const pin::BackingRow& pages : pin::backings()) titles.emplace_back(pages.name);
  append_header(text, titles);
  text += rows + '\n';
}

}  // namespace notifier
