// SPDX-License-Identifier: MIT
// Makes a recording valid again whose bench was killed, or whose machine lost power: every run that
// was stored whole stays, byte for byte; what was stored in part goes.
#pragma once

#include <cstddef>
#include <filesystem>

namespace notifier::site {

struct RepairReport {
  std::size_t runs_kept = 0;
  std::size_t summary_rows_dropped = 0;  // the last one may have been a part of a row
  std::size_t sample_rows_dropped = 0;
  bool changed = false;
};

// The manifest's counts are set to what is there; one that says finished_utc is left alone. Files
// are replaced whole, so that it may be killed and called again. Throws InputError when the
// manifest or a header line is missing: then nothing can be kept.
RepairReport repair_recording(const std::filesystem::path& folder);

}  // namespace notifier::site
