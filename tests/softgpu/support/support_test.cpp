// SPDX-License-Identifier: MIT
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "support_table.hpp"

namespace softgpu_test::support {
namespace {

class Support : public testing::TestWithParam<const Row*> {};

TEST_P(Support, DoesWhatItsRowSays) {
  const Row& row = *GetParam();
  const Finding finding = probe(row);
  EXPECT_NE(finding.status, Status::kBroken) << finding.output;
  EXPECT_EQ(*row.missing != '\0', row.lacks != nullptr) << "what is missing has to be shown";
}

std::string test_name(const testing::TestParamInfo<const Row*>& tested) {
  return tested.param->function;
}

INSTANTIATE_TEST_SUITE_P(Functions, Support, testing::ValuesIn(all_rows()), test_name);

/// ROCm 6's header gives hipGetDeviceProperties another symbol.
std::string name_in_table(const std::string& symbol) {
  return symbol == "hipGetDevicePropertiesR0600" ? "hipGetDeviceProperties" : symbol;
}

TEST(SupportTable, EveryFunctionHasARow) {
  std::set<std::string> in_table;
  for (const Row* row : all_rows()) {
    EXPECT_TRUE(in_table.insert(row->function).second) << row->function << " twice";
  }
  std::set<std::string> present;
  for (const Function& function : functions()) {
    if (function.present) {
      present.insert(name_in_table(function.name));
    }
  }
  EXPECT_EQ(in_table, present);
}

/// The part that does not depend on the headers' version.
std::string before_the_lists(const std::string& text) {
  return text.substr(0, text.find("\n## Not supported"));
}

TEST(SupportTable, IsTheOneInTheDocumentation) {
  std::ifstream file(SOFTGPU_SUPPORT_DOCUMENT);
  std::ostringstream written;
  written << file.rdbuf();
  const std::string made = document();
  constexpr const char* kHow =
      "softgpu_support_tests --process-body=support_document > docs/softgpu-support.md";
  if (headers_are_those_of_the_document()) {
    EXPECT_EQ(written.str(), made) << kHow;
  } else {
    EXPECT_EQ(before_the_lists(written.str()), before_the_lists(made)) << kHow;
  }
}

}  // namespace
}  // namespace softgpu_test::support
