// SPDX-License-Identifier: MIT
#include "harness/pin/pinned_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "harness/file_descriptor.hpp"

namespace notifier::pin {
namespace {

std::optional<std::int64_t> number_of(const std::string& text, std::string_view key,
                                      char separator) {
  const auto value = value_of_key(text, key, separator);
  if (!value) return std::nullopt;
  const auto words = split_words(*value);
  if (words.empty()) return std::nullopt;
  const auto number = parse_integer(words.front());
  return number ? std::optional<std::int64_t>(*number) : std::nullopt;
}

/// /proc/vmstat lags behind by up to 125 per CPU and zone unless they are folded (mm/vmstat.c
/// vmstat_refresh), which only root may ask for.
bool fold_counters(const SystemView& view) {
  if (!view.live()) return true;
  const FileDescriptor file(open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC));
  return file.valid() && ::write(file.get(), "1", 1) == 1;
}

void compare(std::string& text, std::string_view what, std::optional<std::int64_t> before,
             std::optional<std::int64_t> after) {
  if (!before || !after || *after <= *before) return;
  text += fmt::format("{}{} rose from {} to {}", text.empty() ? "" : "; ", what, *before, *after);
}

}  // namespace

PinnedMemory read_pinned_memory(const SystemView& view) {
  PinnedMemory pinned;
  const bool exact = fold_counters(view);
  const std::string vmstat = view.read("/proc/vmstat").text.value_or("");
  const auto acquired = number_of(vmstat, "nr_foll_pin_acquired", ' ');
  const auto released = number_of(vmstat, "nr_foll_pin_released", ' ');
  if (exact && acquired && released) pinned.pins = *acquired - *released;
  const std::string status = view.read("/proc/self/status").text.value_or("");
  pinned.process_pinned_kib = number_of(status, "VmPin", ':');
  pinned.process_locked_kib = number_of(status, "VmLck", ':');
  return pinned;
}

std::string describe_leak(const PinnedMemory& before, const PinnedMemory& after) {
  std::string text;
  compare(text, "pins of the machine (nr_foll_pin_acquired - nr_foll_pin_released)", before.pins,
          after.pins);
  compare(text, "VmPin [KiB]", before.process_pinned_kib, after.process_pinned_kib);
  compare(text, "VmLck [KiB]", before.process_locked_kib, after.process_locked_kib);
  return text;
}

}  // namespace notifier::pin
