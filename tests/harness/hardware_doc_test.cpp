// SPDX-License-Identifier: MIT
// docs/hardware.md promises that each point has a test or a place, and that each line that stops a
// run is explained. This holds it to that.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "kernel_log.hpp"
#include "system_view.hpp"

namespace notifier {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::filesystem::path kSource = NOTIFIER_SOURCE_DIR;

std::string document() { return read(kSource / "docs" / "hardware.md"); }

std::vector<std::string> rows_of_points() {
  std::vector<std::string> rows;
  for (const std::string& line : split_lines(document())) {
    if (std::regex_search(line, std::regex("^\\| \\d+ \\|"))) rows.push_back(line);
  }
  return rows;
}

// "Suite.Test" of every test in the tree.
std::set<std::string> all_tests() {
  const std::regex macro("TEST(?:_F|_P)?\\(\\s*(\\w+),\\s*(\\w+)\\s*\\)");
  std::set<std::string> tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSource / "tests")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string text = read(entry.path());
    for (std::sregex_iterator match(text.begin(), text.end(), macro), end; match != end; ++match) {
      tests.insert((*match)[1].str() + "." + (*match)[2].str());
    }
  }
  return tests;
}

std::vector<std::string> code_spans(const std::string& text) {
  const std::regex span("`([^`]+)`");
  std::vector<std::string> spans;
  for (std::sregex_iterator match(text.begin(), text.end(), span), end; match != end; ++match) {
    spans.push_back((*match)[1].str());
  }
  return spans;
}

TEST(HardwareDocument, HasEveryPointOnceInOrder) {
  const auto rows = rows_of_points();
  ASSERT_EQ(rows.size(), 36u);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    EXPECT_TRUE(rows[index].starts_with("| " + std::to_string(index + 1) + " |")) << rows[index];
  }
}

TEST(HardwareDocument, NamedTestsAndFilesExist) {
  const std::set<std::string> tests = all_tests();
  ASSERT_GT(tests.size(), 100u);
  std::size_t named_tests = 0;
  for (const std::string& row : rows_of_points()) {
    for (const std::string& span : code_spans(row)) {
      if (span.find('/') != std::string::npos && span.find(' ') == std::string::npos) {
        EXPECT_TRUE(std::filesystem::exists(kSource / span)) << span;
      } else if (std::regex_match(span, std::regex("[A-Z]\\w+\\.[A-Z]\\w+"))) {
        ++named_tests;
        EXPECT_TRUE(tests.contains(span)) << span;
      }
    }
  }
  EXPECT_GT(named_tests, 30u);
}

TEST(HardwareDocument, ExplainsEveryLogSignature) {
  const std::string text = document();
  for (const LogSignature& signature : log_signatures()) {
    std::string cell = "| `" + std::string(signature.text) + "`";
    if (!signature.and_text.empty()) cell += " … `" + std::string(signature.and_text) + "`";
    cell += " |";
    const std::size_t found = text.find(cell);
    ASSERT_NE(found, std::string::npos) << cell;
    const std::string row = text.substr(found, text.find('\n', found) - found);
    EXPECT_NE(row.find(signature.stops_run ? "| yes |" : "| no |"), std::string::npos) << row;
  }
}

TEST(HardwareDocument, ListsNoSignatureThatIsNotInTheCode) {
  const std::string text = document();
  const std::size_t begin = text.find("| in dmesg |");
  const std::size_t end = text.find("\n\n", begin);
  ASSERT_NE(begin, std::string::npos);
  const auto rows = split_lines(std::string_view(text).substr(begin, end - begin));
  EXPECT_EQ(rows.size(), log_signatures().size() + 2);  // header and rule
}

}  // namespace
}  // namespace notifier
