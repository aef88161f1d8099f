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

std::set<std::string> tests_of(const std::filesystem::path& path) {
  const bool built = path.filename() == "CMakeLists.txt";
  const std::regex declared(built ? "add_test\\(NAME (\\w+)\\.(\\w+)"
                                  : "TEST(?:_F|_P)?\\(\\s*(\\w+),\\s*(\\w+)\\s*\\)");
  std::set<std::string> tests;
  if (!built && path.extension() != ".cpp") return tests;
  const std::string text = read(path);
  for (std::sregex_iterator match(text.begin(), text.end(), declared), end; match != end; ++match) {
    tests.insert((*match)[1].str() + "." + (*match)[2].str());
  }
  return tests;
}

// "Suite.Test" of every test in the tree.
std::set<std::string> all_tests() {
  std::set<std::string> tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSource / "tests")) {
    tests.merge(tests_of(entry.path()));
  }
  return tests;
}

// "`Suite` in `tests/file.cpp`": all tests of a suite, whose parameters say what they are about.
std::vector<std::pair<std::string, std::string>> suites_of(const std::string& row) {
  const std::regex named("`(\\w+)` in `(tests/[^`]+)`");
  std::vector<std::pair<std::string, std::string>> suites;
  for (std::sregex_iterator match(row.begin(), row.end(), named), end; match != end; ++match) {
    suites.emplace_back((*match)[1].str(), (*match)[2].str());
  }
  return suites;
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

TEST(HardwareDocument, NamedSuitesAreInTheirFiles) {
  std::size_t found = 0;
  for (const std::string& row : rows_of_points()) {
    for (const auto& [suite, file] : suites_of(row)) {
      const std::set<std::string> tests = tests_of(kSource / file);
      const auto first = tests.lower_bound(suite + ".");
      EXPECT_TRUE(first != tests.end() && first->starts_with(suite + ".")) << suite << " " << file;
      ++found;
    }
  }
  EXPECT_GT(found, 5u);
}

// A reader finds a test, or why there is none.
TEST(HardwareDocument, EachPointHasATestOrAReason) {
  const std::regex test("`[A-Z]\\w+\\.[A-Z]\\w+`");
  for (const std::string& row : rows_of_points()) {
    const bool tested = std::regex_search(row, test) || !suites_of(row).empty();
    EXPECT_TRUE(tested || row.find("no test: ") != std::string::npos) << row;
  }
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
