// SPDX-License-Identifier: MIT
#include "bench/case_filter.hpp"

#include <array>
#include <stdexcept>

namespace notifier {
namespace {

void free_expression(regex_t* expression) {
  regfree(expression);
  delete expression;
}

}  // namespace

CaseFilter::CaseFilter(const std::string& expression)
    : negated_(expression.starts_with('-')), wanted_(nullptr, free_expression) {
  const std::string wanted = expression.substr(negated_ ? 1 : 0);
  const bool everything = wanted.empty() || wanted == "all";
  auto compiled = std::make_unique<regex_t>();
  const int error =
      regcomp(compiled.get(), everything ? "." : wanted.c_str(), REG_EXTENDED | REG_NOSUB);
  if (error != 0) {
    std::array<char, 128> text{};
    regerror(error, compiled.get(), text.data(), text.size());
    throw std::invalid_argument("--filter '" + expression +
                                "' is no regular expression: " + text.data());
  }
  wanted_.reset(compiled.release());
}

bool CaseFilter::selects(const std::string& name) const {
  return (regexec(wanted_.get(), name.c_str(), 0, nullptr, 0) == 0) != negated_;
}

}  // namespace notifier
