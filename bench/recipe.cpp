// SPDX-License-Identifier: MIT
#include "bench/recipe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "harness/format.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SummaryRow;

/// A framework loads a model while another one serves (sglang PR 37720).
Case load_case(const char* perturbation) {
  Case wanted;
  wanted.memory = Memory::kUserptr;
  wanted.perturbation = perturbation;
  wanted.context = usual_context(*find_perturbation(perturbation), wanted.recovery);
  return wanted;
}

std::vector<Mitigation> model_loader() {
  return {{"none", "files mapped and pinned in place, mappings dropped before the pins",
           load_case("load_pinned")},
          {"unpin_first", "the same, each pin given back before its mapping goes",
           load_case("load_unpinned_first")},
          {"staged", "files mapped, copied through a pinned buffer of each thread",
           load_case("load_staged")},
          {"read", "files read into that buffer, never mapped", load_case("load_read")}};
}

Case loader_case(Memory memory, const char* perturbation, Policy policy, Recovery recovery) {
  Case wanted;
  wanted.memory = memory;
  wanted.perturbation = perturbation;
  wanted.policy = policy;
  wanted.recovery = recovery;
  return wanted;
}

/// A framework's data loader forks its workers while kernels run (legacy-rocm-build #6523, sglang).
std::vector<Mitigation> data_loader() {
  return {{"none", "fork, the memory inherited",
           loader_case(Memory::kUserptr, "fork_workers", Policy::kDefault, Recovery::kPreempt)},
          {"dontfork", "MADV_DONTFORK on the device's memory",
           loader_case(Memory::kUserptr, "fork_workers", Policy::kDontfork, Recovery::kPreempt)},
          {"wipeonfork", "MADV_WIPEONFORK on the device's memory",
           loader_case(Memory::kUserptr, "fork_workers", Policy::kWipeonfork, Recovery::kPreempt)},
          {"posix_spawn", "posix_spawn, of one program, in place of the four forks",
           loader_case(Memory::kUserptr, "posix_spawn", Policy::kDefault, Recovery::kPreempt)},
          {"retry_fault", "retry faults (HSA_XNACK=1) on memory of the process's own",
           loader_case(Memory::kSystem, "fork_workers", Policy::kDefault, Recovery::kRetryFault)}};
}

struct Recipe {
  std::string_view name;
  std::vector<Mitigation> (*mitigations)();
};
constexpr std::array kRecipes{Recipe{"data-loader", data_loader},
                              Recipe{"model-loader", model_loader}};

struct Line {
  const Mitigation* mitigation;
  std::optional<double> worst_ns;
  std::optional<double> median_ns;
  std::optional<double> call_ns;
  std::optional<double> evictions;  // of an event
  std::string status;
};

Line line_of(const Mitigation& mitigation, std::span<const SummaryRow> rows) {
  Line line{&mitigation, {}, {}, {}, {}, "not run"};
  for (const SummaryRow& row : rows) {
    if (row.case_name != mitigation.measured.name()) continue;
    line.status = row.status == analysis::Status::kOk ? "" : row.reason;
    if (row.events != analysis::EventSet::kAll) continue;
    if (row.metric == analysis::info(Metric::kStall).name) {
      line.median_ns = row.p50;
      // The worst of all runs.
      line.worst_ns = std::max(line.worst_ns.value_or(0), row.max.value_or(0));
    }
    if (row.metric == analysis::info(Metric::kSyscall).name) line.call_ns = row.p50;
    if (row.evictions && row.n > 0) {
      line.evictions = static_cast<double>(*row.evictions) / static_cast<double>(row.n);
    }
  }
  return line;
}

std::string cell(const std::optional<double>& value_ns) {
  return value_ns ? format_duration(*value_ns) : "-";
}

std::string what_it_bought(std::span<const Line> lines) {
  const Line& without = lines.front();
  const auto best =
      std::min_element(lines.begin() + 1, lines.end(), [](const Line& a, const Line& b) {
        return a.worst_ns.value_or(1e300) < b.worst_ns.value_or(1e300);
      });
  if (!without.worst_ns || best == lines.end() || !best->worst_ns) {
    return "nothing to compare: the recipe has to run without and with a mitigation\n";
  }
  if (*best->worst_ns >= *without.worst_ns) {
    return fmt::format("no mitigation bought anything: the worst step is {} without\n",
                       format_duration(*without.worst_ns));
  }
  return fmt::format(
      "{} bought most: a worst step of {} instead of {} ({:.1f} times less), a call of {} instead "
      "of "
      "{}\n",
      best->mitigation->name, format_duration(*best->worst_ns), format_duration(*without.worst_ns),
      *without.worst_ns / *best->worst_ns, cell(best->call_ns), cell(without.call_ns));
}

}  // namespace

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const Recipe& one : kRecipes) names.emplace_back(one.name);
  return names;
}

std::vector<Mitigation> recipe(std::string_view name, std::uint64_t size_bytes) {
  std::vector<Mitigation> ways;
  for (const Recipe& one : kRecipes) {
    if (one.name == name) ways = one.mitigations();
  }
  for (Mitigation& way : ways) way.measured.size_bytes = size_bytes;
  return ways;
}

std::string recipe_markdown(std::string_view name, std::span<const SummaryRow> rows,
                            std::uint64_t size_bytes) {
  const std::vector<Mitigation> mitigations = recipe(name, size_bytes);
  std::vector<Line> lines;
  std::string text = fmt::format(
      "| {} | how | worst step | median step | call | evictions |\n|---|---|---:|---:|---:|---:|\n",
      name);
  for (const Mitigation& mitigation : mitigations) {
    lines.push_back(line_of(mitigation, rows));
    const Line& line = lines.back();
    fmt::format_to(std::back_inserter(text), "| {} | {} | {} | {} | {} | {} |\n", mitigation.name,
                   line.status.empty() ? std::string(mitigation.what)
                                       : fmt::format("{}: {}", mitigation.what, line.status),
                   cell(line.worst_ns), cell(line.median_ns), cell(line.call_ns),
                   line.evictions ? fmt::format("{:.1f}", *line.evictions) : "-");
  }
  return text + "\n" + what_it_bought(lines);
}

}  // namespace notifier
