// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "analysis/files.hpp"
#include "analysis/validate.hpp"

namespace notifier::analysis {
namespace {

TEST(ResultsReadme, ContainsTheSchemaAsTheCodeHasIt) {
  const std::string readme = read_text_file(NOTIFIER_RESULTS_README);
  const std::string begin = "<!-- schema: notifier_validate --schema-markdown -->\n";
  const std::string end = "<!-- end of schema -->";
  const std::size_t first = readme.find(begin);
  ASSERT_NE(first, std::string::npos);
  const std::size_t last = readme.find(end, first);
  ASSERT_NE(last, std::string::npos);
  EXPECT_EQ(readme.substr(first + begin.size(), last - first - begin.size()), schema_markdown());
}

}  // namespace
}  // namespace notifier::analysis
