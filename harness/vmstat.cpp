// SPDX-License-Identifier: MIT
#include "harness/vmstat.hpp"

#include <unistd.h>

#include <string>

#include "harness/system_view.hpp"

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

}  // namespace notifier
