// SPDX-License-Identifier: MIT
#include "harness/vmstat.hpp"

#include "harness/system_view.hpp"

namespace notifier {

std::int64_t vmstat(std::string_view name) {
  const auto text = SystemView().read("/proc/vmstat");
  const auto value = text.text ? value_of_key(*text.text, name, ' ') : std::nullopt;
  return value ? parse_integer(*value).value_or(0) : 0;
}

}  // namespace notifier
