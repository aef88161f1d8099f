// SPDX-License-Identifier: MIT
// The verdict table of the pin cases, made from rows of summary.csv alone: of the recording just
// made or of any other.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/schema.hpp"

namespace notifier {

/// What one case came to: its rows of one run, put together.
struct PinCell {
  std::string memory;  // "pin_" and the actor; of other recordings, userptr and its like
  std::string backing;
  std::string perturbation;
  std::string policy;
  std::int64_t size_bytes = 0;
  analysis::Status status = analysis::Status::kOk;
  std::string reason;
  std::string outcome;
  std::string original_page;
  std::int64_t changed_in_child = 0;
  std::optional<double> call_ns;         // median of the perturbing call
  std::optional<double> first_write_ns;  // median of the process's first write to a page
  std::optional<double> hold_ns;         // median of taking hold
  std::int64_t events = 0;
};

/// Cells in the order in which their cases first appear. Rows of the GPU bench take part where they
/// say something comparable: their outcome is "coherent" without violations, else "violations".
std::vector<PinCell> pin_cells(std::span<const analysis::SummaryRow> rows);

/// As rdma-core's ibv_is_fork_initialized() puts it. Unneeded: a fork leaves process and actor
/// together and the child clean, without any help. Enabled: so with MADV_DONTFORK. Disabled: not
/// even then.
enum class ForkSafety { kUnknown, kDisabled, kEnabled, kUnneeded };
std::string_view to_string(ForkSafety safety);
ForkSafety fork_safety(std::span<const PinCell> cells, std::string_view memory,
                       std::string_view backing);

/// For a person: outcomes with costs, fork safety, costs by size, several at once.
std::string pin_table_markdown(std::span<const PinCell> cells);

/// For a program: one line per cell.
std::string pin_table_csv(std::span<const PinCell> cells);

}  // namespace notifier
