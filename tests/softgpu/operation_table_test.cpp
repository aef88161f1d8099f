// SPDX-License-Identifier: MIT
// Does what each row of the table of memory operations names, and compares what the device saw with
// what the row says; and the table with docs/softgpu.md.
#include <cctype>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "memory_operations.hpp"

namespace softgpu_test {
namespace {

bool says(const ProcessResult& result, const std::string& text) {
  return result.output.find(text) != std::string::npos;
}

class OperationTable : public testing::TestWithParam<MemoryOperation> {};

TEST_P(OperationTable, SaysWhatTheDeviceSees) {
  const MemoryOperation& operation = GetParam();
  const ProcessResult result = run_operation(operation);
  if (result.exit_status == kSkipStatus) {
    GTEST_SKIP() << result.output;
  }
  ASSERT_TRUE(result.passed()) << result.output;
  EXPECT_EQ(says(result, "evictions=0 "), operation.sight != Sight::kSeen) << result.output;
  const bool found_later = operation.sight == Sight::kNotSeen && operation.pages_change;
  if (!found_later || says(result, "audit=on")) {
    EXPECT_EQ(says(result, "accusations=0 "), !found_later) << result.output;
  }
  EXPECT_TRUE(says(result, "mismatches=0 ")) << result.output;
}

std::string test_name(const MemoryOperation& operation) {
  std::string name;
  for (const char letter : operation.name) {
    name += std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, OperationTable,
                         testing::ValuesIn(memory_operations().begin(), memory_operations().end()),
                         [](const auto& tested) { return test_name(tested.param); });

std::string seen(const MemoryOperation& operation) {
  switch (operation.sight) {
    case Sight::kSeen:
      return "seen";
    case Sight::kNothingToDo:
      return "nothing to see";
    case Sight::kNotSeen:
      break;
  }
  return operation.pages_change ? "not seen; the audit finds it" : "not seen";
}

std::string row(const MemoryOperation& operation) {
  const std::string text = std::string("| ") + std::string(operation.name) + " | " +
                           std::string(operation.heard_by_kfd) + " | " + seen(operation) + " | " +
                           std::string(operation.remark);
  return text + (operation.remark.empty() ? "|" : " |");
}

TEST(OperationTable, IsTheOneInTheDocumentation) {
  std::ifstream document(SOFTGPU_DOCUMENTATION);
  std::vector<std::string> written;
  bool inside = false;
  for (std::string line; std::getline(document, line);) {
    inside = (inside && line.starts_with("|")) || line.starts_with("| operation |");
    if (inside && !line.starts_with("| operation |") && !line.starts_with("|---")) {
      written.push_back(line);
    }
  }
  std::vector<std::string> rows;
  std::string all;
  for (const MemoryOperation& operation : memory_operations()) {
    rows.push_back(row(operation));
    all += rows.back() + "\n";
  }
  EXPECT_EQ(written, rows) << "docs/softgpu.md must have these rows:\n" << all;
}

TEST(OperationTable, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const MemoryOperation& operation : memory_operations()) {
    EXPECT_TRUE(names.insert(operation.name).second) << operation.name;
  }
}

}  // namespace
}  // namespace softgpu_test
