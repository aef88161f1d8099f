// SPDX-License-Identifier: MIT
// Runs pin cases and stores what they give, in the files of every other recording.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "bench/pin_cases.hpp"
#include "harness/pin/pinned_memory.hpp"
#include "harness/recording.hpp"
#include "harness/system_settings.hpp"

namespace notifier {

class PinSuite {
 public:
  /// `manifest` holds machine, environment, command and seed. Throws ResultsError.
  /// `platform` is that of the rows.
  PinSuite(const std::filesystem::path& results, nlohmann::json manifest, std::uint64_t seed,
           std::string platform);

  /// Runs one case once. Events that would begin after `deadline_ns` (CLOCK_MONOTONIC_RAW) are left
  /// out, but for the first of each direction. Throws ResultsError.
  void run(const PinCase& wanted, std::uint32_t events, std::uint32_t run_number,
           std::optional<std::int64_t> deadline_ns = std::nullopt);

  /// Looks for pins that are left and writes the manifest's end. Throws ResultsError.
  void finish(bool interrupted);

  const std::vector<analysis::SummaryRow>& rows() const { return rows_; }
  const Recording& recording() const { return *recording_; }
  /// Pinned memory that nobody gave back, in words; empty when there is none.
  const std::string& leak() const { return leak_; }
  std::size_t ok() const { return ok_; }
  std::size_t skipped() const { return skipped_; }
  std::size_t failed() const { return failed_; }
  std::int64_t violations() const { return violations_; }
  /// Cases that had fewer events than they should, for lack of time.
  std::size_t cut_short() const { return cut_short_; }

 private:
  void complete(analysis::SummaryRow& row) const;
  void wake_ksmd();

  std::filesystem::path results_;
  std::uint64_t seed_;
  std::int64_t start_ns_;
  std::string platform_;
  std::string machine_;
  std::string boot_id_;
  std::string kernel_release_;
  pin::PinnedMemory pinned_before_;
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<SettingsChange> settings_;
  std::vector<analysis::SummaryRow> rows_;
  std::string leak_;
  std::size_t ok_ = 0;
  std::size_t skipped_ = 0;
  std::size_t failed_ = 0;
  std::int64_t violations_ = 0;
  std::size_t cut_short_ = 0;
  pin::ActorPool actors_;
};

}  // namespace notifier
