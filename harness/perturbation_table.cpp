// SPDX-License-Identifier: MIT
// The table of perturbations. A new one is a row in one of perturbation_table_*.cpp and a function
// in one of perturbation_*.cpp.
#include <algorithm>
#include <vector>

#include "harness/perturbation_rows.hpp"

namespace notifier {

std::span<const Perturbation> perturbations() {
  static const std::vector<Perturbation> rows = [] {
    std::vector<Perturbation> all;
    for (const auto part :
         {process_perturbations(), neighbour_perturbations(), mapping_perturbations(),
          page_perturbations(), placement_perturbations(), loading_perturbations(),
          ending_perturbations()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return rows;
}

const Perturbation* find_perturbation(std::string_view name) {
  const auto rows = perturbations();
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const Perturbation& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace notifier
