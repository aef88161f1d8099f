// SPDX-License-Identifier: MIT
// Verdicts of the comparison library, computed ahead of time for the pairs that somebody looks at
// in the morning.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/site/model.hpp"

namespace notifier::site {

struct ComparisonPair {
  std::string kind;  // night, week, kernel or machine
  std::string title;
  std::size_t timeline = 0;  // of the new side
  std::vector<std::filesystem::path> old_folders;
  std::vector<std::filesystem::path> new_folders;
};

inline constexpr std::size_t kNightsAWeek = 7;
inline constexpr std::size_t kMostComparisons = 60;

// Last night against the one before, the last seven against the seven before, the nights of a new
// kernel against those of the old one, and every two machines of a small fleet.
std::vector<ComparisonPair> choose_pairs(const Model& model);

// Never throws for what stands in the files; a pair that cannot be compared says why in its notes.
nlohmann::json comparison_document(const ComparisonPair& pair);

}  // namespace notifier::site
