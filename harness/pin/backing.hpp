// SPDX-License-Identifier: MIT
// Which pages lie under the memory of an event. All but the first two are those of the kernel's
// selftests/mm/cow.c (run_anon_test_case), and there for the cases that both have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string_view>

namespace notifier::pin {

class Region;

inline constexpr std::size_t kHugeBytes = 2 << 20;  // of a huge page

enum class Backing : std::uint8_t {
  kAnon,
  kThp,
  kAnonSwapped,
  kThpSwapped,
  kThpPte,
  kThpPteSwapped,
  kThpSingle,
  kThpSingleSwapped,
  kThpPartialMremap,
  kThpPartialShared,
  kHugetlb,
};

enum class Pages : std::uint8_t { kBase, kTransparentHuge, kHugetlb };

struct BackingRow {
  Backing backing;
  std::string_view name;  // the backing column of the CSV
  std::string_view summary;
  Pages pages;
  bool swapped = false;
  std::size_t area_bytes = 0;        // what is left of the huge page; 0: all of it
  void (*shape)(Region&) = nullptr;  // once the pages are there
};

/// Prints the name, so that names of tests do not hold addresses.
std::ostream& operator<<(std::ostream& out, const BackingRow& row);

std::span<const BackingRow> backings();
const BackingRow& info(Backing backing);
std::string_view to_string(Backing backing);
/// Base pages and huge pages as they come; all cases are about these.
bool is_plain(Backing backing);

/// Writes the memory out to swap. Throws CannotRun where it stays.
void swap_out(std::span<std::byte> memory);

}  // namespace notifier::pin
