// SPDX-License-Identifier: MIT
#include "vmstat.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

#include "system_view.hpp"

namespace notifier {

std::int64_t vmstat(std::string_view name) {
  const auto text = SystemView().read("/proc/vmstat");
  const auto value = text.text ? value_of_key(*text.text, name, ' ') : std::nullopt;
  return value ? parse_integer(*value).value_or(0) : 0;
}

std::uint64_t pages_moved_by_kernel() {
  const SystemView view;
  const std::string folder = "/sys/kernel/mm/transparent_hugepage/";
  const auto number = [&](const std::string& file) {
    const auto text = view.read(folder + file);
    return text.text ? parse_integer(*text.text).value_or(0) : 0;
  };
  // mm/khugepaged.c counts what khugepaged has done, not MADV_COLLAPSE: that call is seen.
  const std::int64_t collapsed = number("khugepaged/pages_collapsed");
  const std::int64_t huge_page_pages = number("hpage_pmd_size") / sysconf(_SC_PAGESIZE);
  return static_cast<std::uint64_t>(vmstat("pgmigrate_success") + collapsed * huge_page_pages);
}

std::uint64_t wait_for_counter(const std::function<std::uint64_t()>& counter, std::uint64_t wanted,
                               std::chrono::milliseconds patience) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  std::uint64_t value = counter();
  while (value < wanted && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    value = counter();
  }
  return value;
}

std::uint64_t excused_pages(std::uint64_t missed, std::uint64_t moved_before,
                            std::uint64_t moved_by_rows) {
  // Batches of compaction took up to 2.4 ms on two busy CPUs.
  constexpr std::chrono::milliseconds kPatience{200};
  const std::uint64_t by_rows = std::min(missed, moved_by_rows);
  const std::uint64_t wanted = missed - by_rows;
  const std::uint64_t moved =
      wait_for_counter([=] { return pages_moved_by_kernel() - moved_before; }, wanted, kPatience);
  return by_rows + std::min(wanted, moved);
}

}  // namespace notifier
