// SPDX-License-Identifier: MIT
#include "bench/fork_policy_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <vector>

#include "harness/case.hpp"
#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SummaryRow;

struct Line {
  Case measured;
  std::string status;  // empty when ok
  std::string child_finds;
  std::string memory_path;  // which way the memory took to the device
  std::int64_t runs = 0;
  std::optional<double> allocate_ns;
  std::optional<double> fork_ns;
  std::optional<double> first_write_ns;
  std::optional<double> stall_ns;
  std::optional<double> evictions;  // per event
};

void add(const SummaryRow& row, Line& line) {
  line.child_finds = row.outcome;
  line.memory_path = row.memory_path;
  if (row.status != analysis::Status::kOk) {
    line.status =
        (row.status == analysis::Status::kSkipped ? "skipped: " : "failed: ") + row.reason;
  }
  if (row.events != analysis::EventSet::kAll) return;
  const auto is = [&](Metric metric) { return row.metric == analysis::info(metric).name; };
  if (is(Metric::kRegister)) line.allocate_ns = row.p50;
  if (is(Metric::kFirstWrite)) line.first_write_ns = row.p50;
  if (is(Metric::kSyscall)) line.fork_ns = row.p50;
  if (is(Metric::kStall)) {
    line.stall_ns = row.p50;
    if (row.n > 0 && row.evictions) {
      line.evictions = static_cast<double>(*row.evictions) / static_cast<double>(row.n);
    }
  }
}

/// Lines of the same memory together, small before large.
std::vector<Line> lines_of(std::span<const SummaryRow> rows) {
  std::vector<Line> lines;
  for (const SummaryRow& row : rows) {
    const std::optional<Case> measured = parse_case(row.case_name);
    // The thunk's policies are about queues that stop; retry faults are another table.
    if (!measured || measured->perturbation != "fork_parent_write" || row.run != 0 ||
        measured->recovery == Recovery::kRetryFault) {
      continue;
    }
    auto found = std::find_if(lines.begin(), lines.end(), [&](const Line& line) {
      return line.measured.name() == row.case_name;
    });
    if (found == lines.end()) {
      lines.emplace_back().measured = *measured;
      found = lines.end() - 1;
    }
    add(row, *found);
  }
  std::stable_sort(lines.begin(), lines.end(), [](const Line& one, const Line& other) {
    const auto key = [](const Case& of) {
      return std::tuple(of.memory, of.backing, of.policy, of.size_bytes);
    };
    return key(one.measured) < key(other.measured);
  });
  return lines;
}

std::string time_text(const std::optional<double>& value_ns) {
  return value_ns ? format_duration(*value_ns) : "-";
}

std::string number_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.0f}", *value) : "";
}

}  // namespace

std::string fork_policy_markdown(std::span<const SummaryRow> rows) {
  std::string text =
      "| memory | memory path | backing | policy | size | allocate | fork | first write | "
      "evictions | stall | "
      "child "
      "finds |\n|---|---|---|---|---:|---:|---:|---:|---:|---:|---|\n";
  for (const Line& line : lines_of(rows)) {
    const Case& of = line.measured;
    fmt::format_to(std::back_inserter(text),
                   "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                   to_string(of.memory), line.memory_path, to_string(of.backing),
                   to_string(of.policy), format_size(of.size_bytes), time_text(line.allocate_ns),
                   time_text(line.fork_ns), time_text(line.first_write_ns),
                   line.evictions ? fmt::format("{:.2f}", *line.evictions) : "-",
                   time_text(line.stall_ns), line.status.empty() ? line.child_finds : line.status);
  }
  return text;
}

std::string fork_policy_csv(std::span<const SummaryRow> rows) {
  std::string text =
      "memory,memory_path,backing,policy,size_bytes,allocate_ns,fork_ns,first_write_ns,evictions_"
      "per_event,"
      "stall_ns,child_finds,status\r\n";
  for (const Line& line : lines_of(rows)) {
    const Case& of = line.measured;
    fmt::format_to(
        std::back_inserter(text), "{},{},{},{},{},{},{},{},{},{},{},{}\r\n", to_string(of.memory),
        line.memory_path, to_string(of.backing), to_string(of.policy), of.size_bytes,
        number_text(line.allocate_ns), number_text(line.fork_ns), number_text(line.first_write_ns),
        line.evictions ? fmt::format("{:.3f}", *line.evictions) : "", number_text(line.stall_ns),
        line.child_finds, line.status.empty() ? "ok" : "not ok");
  }
  return text;
}

}  // namespace notifier
