// SPDX-License-Identifier: MIT
#include "bench/pin_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <sstream>

#include "bench/pin_markdown.hpp"
#include "bench/pin_table_pages.hpp"
#include "harness/case.hpp"
#include "harness/format.hpp"
#include "harness/pin/actor.hpp"
#include "harness/pin/perturbation.hpp"
#include "harness/pin/together.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::Status;
using analysis::SummaryRow;

constexpr double kMib = 1 << 20;

struct Group {
  std::string_view title;
  std::array<std::string_view, 13> perturbations;  // with "/" and a policy that is not the default
};

constexpr std::array kGroups = {
    Group{"After a fork",
          {"none", "fork_child_hold", "fork_parent_write", "fork_child_write", "fork_exit",
           "fork_mprotect", "fork_parent_unmap", "fork_unmap_child_write", "fork_before_hold",
           "fork_before_hold_unmap", "fork_exit_before_hold", "fork_parent_write/dontfork",
           "fork_parent_write/wipeonfork"}},
    Group{"When the memory changes",
          {"dontneed", "map_fixed", "munmap_mmap", "munmap", "mremap_move", "mremap_dontunmap",
           "mprotect_ro", "mprotect_none", "mprotect_ro_rw", "mprotect_soft_dirty",
           "mprotect_before_hold"}},
    Group{"When the kernel moves pages", {"move_pages", "compact", "collapse", "ksm", "pageout"}},
};

const std::optional<double>* statistic(const SummaryRow& row, Metric metric) {
  const bool wanted =
      row.metric == analysis::info(metric).name && row.events == analysis::EventSet::kAll;
  return wanted ? &row.p50 : nullptr;
}

void add_row(const SummaryRow& row, PinCell& cell) {
  if (const auto* value = statistic(row, Metric::kSyscall)) {
    cell.call_ns = *value;
    cell.events = row.n;
  }
  if (const auto* value = statistic(row, Metric::kFirstWrite)) cell.first_write_ns = *value;
  if (const auto* value = statistic(row, Metric::kRegister)) cell.hold_ns = *value;
}

PinCell make_cell(const SummaryRow& row) {
  PinCell cell;
  cell.memory = row.memory;
  cell.backing = row.backing;
  cell.perturbation = row.perturbation;
  cell.policy = row.policy;
  cell.size_bytes = row.size_bytes.value_or(0);
  cell.status = row.status;
  cell.reason = row.reason;
  cell.outcome = row.outcome;
  cell.original_page = row.original_page;
  cell.changed_in_child = row.violations_foreign.value_or(0);
  if (!row.memory.starts_with("pin_") && row.status == Status::kOk) {
    cell.outcome = analysis::total_violations(row).value_or(0) == 0 ? "coherent" : "violations";
  }
  return cell;
}

bool is_outcome(const PinCell& cell) {
  return !cell.outcome.empty() || cell.size_bytes == pin::kUsedBytes;
}

const PinCell* find(std::span<const PinCell> cells, std::string_view memory,
                    std::string_view backing, std::string_view wanted) {
  const std::size_t slash = wanted.find('/');
  const std::string_view name = wanted.substr(0, slash);
  const std::string_view policy =
      slash == std::string_view::npos ? "default" : wanted.substr(slash + 1);
  for (const PinCell& cell : cells) {
    if (cell.memory == memory && cell.backing == backing && cell.perturbation == name &&
        cell.policy == policy && is_outcome(cell)) {
      return &cell;
    }
  }
  return nullptr;
}

std::vector<std::string> memories(std::span<const PinCell> cells, std::string_view backing) {
  std::vector<std::string> names;
  for (const PinCell& cell : cells) {
    if (cell.backing != backing) continue;
    if (std::ranges::find(names, cell.memory) == names.end()) names.push_back(cell.memory);
  }
  return names;
}

bool moves_pages(std::string_view perturbation) {
  const pin::PerturbationRow* row = pin::find_perturbation(perturbation, "default");
  return row != nullptr && row->moves;
}

std::string cell_text(const PinCell* cell) {
  if (cell == nullptr) return "";
  if (cell->status == Status::kSkipped) return "skipped";
  std::string text = cell->outcome.empty() ? "failed" : cell->outcome;
  if (cell->status == Status::kFailed) text = "**" + text + " (unexpected)**";
  if (moves_pages(cell->perturbation) && !cell->original_page.empty()) {
    text += cell->original_page == "process" ? ", page stays" : ", page moves";
  } else if (!cell->original_page.empty() && cell->original_page != "process") {
    text += fmt::format(", page: {}", cell->original_page);
  }
  if (cell->changed_in_child > 0) {
    text += fmt::format(", **{} words changed in the child**", cell->changed_in_child);
  }
  if (cell->call_ns) text += ", " + format_duration(cell->call_ns);
  return text;
}

void append_group(std::string& text, std::span<const PinCell> cells, std::string_view backing,
                  const Group& group) {
  std::vector<std::string> titles = {"actor"};
  std::vector<std::string_view> columns;
  const std::vector<std::string> names = memories(cells, backing);
  for (const std::string_view wanted : group.perturbations) {
    const bool known = std::ranges::any_of(names, [&](const std::string& name) {
      return !wanted.empty() && find(cells, name, backing, wanted) != nullptr;
    });
    if (!known) continue;
    titles.emplace_back(wanted);
    columns.push_back(wanted);
  }
  if (columns.empty()) return;
  text += fmt::format("### {} ({})\n\n", group.title, backing);
  append_header(text, titles);
  for (const std::string& name : names) {
    std::vector<std::string> row = {name};
    for (const std::string_view wanted : columns) {
      row.push_back(cell_text(find(cells, name, backing, wanted)));
    }
    const bool blank = std::all_of(row.begin() + 1, row.end(),
                                   [](const std::string& cell) { return cell.empty(); });
    if (!blank) append_row(text, row);
  }
  text += '\n';
}

void append_fork_safety(std::string& text, std::span<const PinCell> cells) {
  std::string rows;
  for (const std::string& name : memories(cells, "anon")) {
    const ForkSafety base = fork_safety(cells, name, "anon");
    const ForkSafety huge = fork_safety(cells, name, "thp");
    if (base == ForkSafety::kUnknown && huge == ForkSafety::kUnknown) continue;
    append_row(rows, {name, std::string(to_string(base)), std::string(to_string(huge))});
  }
  if (rows.empty()) return;
  text += "### Fork safety\n\n";
  append_header(text, {"actor", "anon", "thp"});
  text += rows;
  text +=
      "\nunneeded: a fork leaves process and actor on the same page and the child clean, without "
      "help;\nenabled: it does with MADV_DONTFORK; disabled: not even then.\n\n";
}

const PinCell* control_of(std::span<const PinCell> cells, const PinCell& wanted) {
  for (const PinCell& cell : cells) {
    if (cell.memory == "pin_process_vm" && cell.backing == wanted.backing &&
        cell.size_bytes == wanted.size_bytes && cell.perturbation == wanted.perturbation &&
        cell.outcome.empty()) {
      return &cell;
    }
  }
  return nullptr;
}

void append_costs(std::string& text, std::span<const PinCell> cells) {
  std::string rows;
  for (const PinCell& cell : cells) {
    if (is_outcome(cell) || cell.status != Status::kOk || !cell.call_ns || !cell.hold_ns) continue;
    const double mib = static_cast<double>(cell.size_bytes) / kMib;
    const PinCell* control = control_of(cells, cell);
    const bool compared = control != nullptr && control->call_ns && control != &cell;
    append_row(rows,
               {cell.memory, cell.backing, format_size(static_cast<std::uint64_t>(cell.size_bytes)),
                format_duration(*cell.hold_ns / mib), format_duration(cell.call_ns),
                compared ? fmt::format("{:.1f} x", *cell.call_ns / *control->call_ns) : "",
                format_duration(cell.first_write_ns)});
  }
  if (rows.empty()) return;
  text += "### Costs by size\n\n";
  append_header(text, {"actor", "backing", "held", "taking hold, per MiB", "fork",
                       "against process_vm", "first write after the child's end"});
  text += rows + '\n';
}

void append_together(std::string& text, std::span<const PinCell> cells) {
  std::string rows;
  for (const PinCell& cell : cells) {
    if (!cell.perturbation.starts_with(pin::kTogetherPrefix)) continue;
    const pin::TogetherRow* row = pin::find_together(cell.perturbation);
    append_row(rows, {cell.perturbation, std::string(row != nullptr ? row->summary : ""),
                      cell_text(&cell), cell.reason});
  }
  if (rows.empty()) return;
  text += "### Several on one page, over a fork\n\n";
  append_header(text, {"case", "what", "outcome, fork", "who won"});
  text += rows + '\n';
}

/// One line per actor: what it survives, what it does not.
void append_verdicts(std::string& text, std::span<const PinCell> cells) {
  std::string lines;
  for (const std::string& name : memories(cells, "anon")) {
    std::map<std::string, std::vector<std::string>> by_outcome;
    for (const PinCell& cell : cells) {
      if (cell.memory != name || cell.backing != "anon" || cell.outcome.empty() ||
          cell.perturbation.starts_with(pin::kTogetherPrefix)) {
        continue;
      }
      const std::string policy = cell.policy == "default" ? "" : "/" + cell.policy;
      by_outcome[cell.outcome].push_back(cell.perturbation + policy);
    }
    if (by_outcome.empty()) continue;
    lines += fmt::format("- **{}**:", name);
    for (const auto& [outcome, names] : by_outcome) {
      lines += fmt::format(" {} after {} ({}).", outcome, names.size(), fmt::join(names, ", "));
    }
    lines += '\n';
  }
  if (!lines.empty()) text += "### Verdicts\n\n" + lines + '\n';
}

void append_reasons(std::string& text, std::span<const PinCell> cells) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const PinCell& cell : cells) {
    if (cell.status == Status::kOk) continue;
    by_reason[cell.reason].push_back(
        fmt::format("{}/{}/{}/{}", cell.memory, cell.backing, cell.perturbation, cell.policy));
  }
  if (by_reason.empty()) return;
  text += "### Skipped or failed\n\n";
  for (const auto& [reason, names] : by_reason) {
    text += fmt::format("- {} case{} ({}{}): {}\n", names.size(), names.size() == 1 ? "" : "s",
                        names.front(), names.size() == 1 ? "" : ", ...", reason);
  }
  text += '\n';
}

}  // namespace

std::vector<PinCell> pin_cells(std::span<const SummaryRow> rows) {
  std::vector<PinCell> cells;
  std::map<std::string, std::size_t> places;
  for (const SummaryRow& row : rows) {
    if (row.run != 0) continue;
    const auto [place, fresh] = places.emplace(row.recording + row.case_name, cells.size());
    if (fresh) cells.push_back(make_cell(row));
    add_row(row, cells[place->second]);
  }
  return cells;
}

std::string_view to_string(ForkSafety safety) {
  switch (safety) {
    case ForkSafety::kDisabled:
      return "disabled";
    case ForkSafety::kEnabled:
      return "enabled";
    case ForkSafety::kUnneeded:
      return "unneeded";
    case ForkSafety::kUnknown:
      return "unknown";
  }
  return "";
}

ForkSafety fork_safety(std::span<const PinCell> cells, std::string_view memory,
                       std::string_view backing) {
  const auto safe = [&](std::string_view perturbation) -> std::optional<bool> {
    const PinCell* cell = find(cells, memory, backing, perturbation);
    if (cell == nullptr || cell->outcome.empty()) return std::nullopt;
    return cell->outcome == "coherent" && cell->changed_in_child == 0;
  };
  // In the GPU bench the process's side writes in every case, so there is none of that name.
  const bool gpu = !memory.starts_with("pin_");
  bool all_safe = true;
  for (const std::string_view perturbation :
       {"fork_child_hold", "fork_parent_write", "fork_child_write", "fork_exit"}) {
    if (gpu && perturbation == "fork_parent_write") continue;
    const std::optional<bool> one = safe(perturbation);
    if (!one) return ForkSafety::kUnknown;
    all_safe = all_safe && *one;
  }
  if (all_safe) return ForkSafety::kUnneeded;
  const std::optional<bool> with_dontfork =
      safe(gpu ? "fork_child_hold/dontfork" : "fork_parent_write/dontfork");
  if (!with_dontfork) return ForkSafety::kUnknown;
  return *with_dontfork ? ForkSafety::kEnabled : ForkSafety::kDisabled;
}

std::string pin_table_markdown(std::span<const PinCell> cells) {
  std::string text = "## Pinning: who still shares memory with whom\n\n";
  text +=
      "Cells: outcome, who has the original page where it is not the process, median time of the "
      "call.\n\n";
  for (const std::string_view backing : {"anon", "thp"}) {
    for (const Group& group : kGroups) append_group(text, cells, backing, group);
  }
  append_outcomes_by_pages(text, cells);
  append_fork_safety(text, cells);
  append_costs(text, cells);
  append_together(text, cells);
  append_verdicts(text, cells);
  append_reasons(text, cells);
  return text;
}

std::string pin_table_csv(std::span<const PinCell> cells) {
  std::ostringstream out;
  analysis::CsvWriter writer(out);
  for (const char* title : {"memory", "backing", "perturbation", "policy", "size_bytes", "status",
                            "outcome", "original_page", "changed_in_child", "events", "call_ns_p50",
                            "first_write_ns_p50", "hold_ns_p50", "reason"}) {
    writer.text(title);
  }
  writer.end_row();
  for (const PinCell& cell : cells) {
    writer.text(cell.memory);
    writer.text(cell.backing);
    writer.text(cell.perturbation);
    writer.text(cell.policy);
    writer.integer(cell.size_bytes);
    writer.text(analysis::to_word(cell.status));
    writer.text(cell.outcome);
    writer.text(cell.original_page);
    writer.integer(cell.changed_in_child);
    writer.integer(cell.events);
    for (const auto& value : {cell.call_ns, cell.first_write_ns, cell.hold_ns}) {
      if (value) {
        writer.number(*value);
      } else {
        writer.text("");
      }
    }
    writer.text(cell.reason);
    writer.end_row();
  }
  return out.str();
}

}  // namespace notifier
