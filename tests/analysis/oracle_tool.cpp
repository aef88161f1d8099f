// SPDX-License-Identifier: MIT
// Answers questions about the statistics library on standard input, for oracle_test.py:
// "function;numbers;numbers;..." gives one line of numbers, "none" for undefined.
#include <fmt/format.h>

#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/correction.hpp"
#include "analysis/csv.hpp"
#include "analysis/harrell_davis.hpp"
#include "analysis/proportion.hpp"
#include "analysis/rank_test.hpp"
#include "analysis/shift.hpp"
#include "analysis/statistics.hpp"

namespace {

using namespace notifier::analysis;
using Numbers = std::vector<double>;
using Arguments = std::vector<Numbers>;
using Answer = std::optional<Numbers>;

Answer one(std::optional<double> value) {
  if (!value) return std::nullopt;
  return Numbers{*value};
}

Answer both(std::optional<Interval> interval) {
  if (!interval) return std::nullopt;
  return Numbers{interval->low, interval->high};
}

const std::map<std::string, std::function<Answer(const Arguments&)>> kFunctions = {
    {"quantile", [](const Arguments& a) { return one(quantile(a[1], a[0][0])); }},
    {"harrell_davis",
     [](const Arguments& a) { return one(harrell_davis_quantile(a[1], a[0][0])); }},
    {"mann_whitney",
     [](const Arguments& a) {
       const RankTest test = *mann_whitney(a[0], a[1]);
       return Answer(Numbers{test.u, test.p});
     }},
    {"brunner_munzel", [](const Arguments& a) { return one(brunner_munzel_p(a[0], a[1])); }},
    {"cliffs_delta", [](const Arguments& a) { return one(cliffs_delta(a[0], a[1])); }},
    {"hodges_lehmann", [](const Arguments& a) { return one(hodges_lehmann_shift(a[0], a[1])); }},
    {"shift_interval",
     [](const Arguments& a) { return both(shift_interval(a[1], a[2], a[0][0])); }},
    {"known_variance",
     [](const Arguments& a) {
       const auto result = shift_with_known_variance(a[0][0], a[0][1], a[0][2], a[0][3]);
       return Answer(Numbers{result.interval.low, result.interval.high, result.p});
     }},
    {"holm", [](const Arguments& a) { return Answer(adjust_holm(a[0])); }},
    {"benjamini_hochberg",
     [](const Arguments& a) { return Answer(adjust_benjamini_hochberg(a[0])); }},
    {"proportion",
     [](const Arguments& a) {
       return both(proportion_interval(static_cast<std::size_t>(a[0][0]),
                                       static_cast<std::size_t>(a[0][1]), a[0][2]));
     }},
    {"quantile_interval",
     [](const Arguments& a) { return both(quantile_interval(a[1], a[0][0], a[0][1])); }},
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char character : text) {
    if (character == separator) {
      parts.emplace_back();
    } else {
      parts.back() += character;
    }
  }
  return parts;
}

Arguments parse(const std::vector<std::string>& parts) {
  Arguments arguments;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    Numbers numbers;
    for (const std::string& word : split(parts[i], ' ')) {
      double value = 0;
      if (parse_number(word, value)) numbers.push_back(value);
    }
    arguments.push_back(numbers);
  }
  return arguments;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const std::vector<std::string> parts = split(line, ';');
    const Answer answer = kFunctions.at(parts[0])(parse(parts));
    if (!answer) {
      fmt::print("none\n");
    } else {
      fmt::print("{:.17g}\n", fmt::join(*answer, " "));
    }
  }
  return 0;
}
