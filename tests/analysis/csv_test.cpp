// SPDX-License-Identifier: MIT
#include "analysis/csv.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <cstring>
#include <limits>
#include <locale>
#include <random>
#include <sstream>

#include "analysis/utf8.hpp"

namespace notifier::analysis {
namespace {

using Records = std::vector<std::vector<std::string>>;

Records read_all(const std::string& text) {
  std::istringstream in(text);
  CsvReader reader(in, "test.csv");
  Records records;
  while (const auto* fields = reader.next()) records.emplace_back(fields->begin(), fields->end());
  return records;
}

std::string error_of(const std::string& text) {
  try {
    read_all(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(FormatNumber, IsShortAndPlain) {
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(1e6), "1000000");
  EXPECT_EQ(format_number(0.1), "0.1");
  EXPECT_EQ(format_number(-2.5), "-2.5");
  EXPECT_EQ(format_number(1e300), "1e+300");
  EXPECT_EQ(format_number(1e-9), "1e-09");
}

TEST(FormatNumber, LeavesUndefinedEmpty) {
  EXPECT_EQ(format_number(std::numeric_limits<double>::quiet_NaN()), "");
  EXPECT_EQ(format_number(std::numeric_limits<double>::infinity()), "");
}

TEST(ParseNumber, TakesWholeFiniteTextOnly) {
  double value = -1;
  EXPECT_TRUE(parse_number("1.5e3", value));
  EXPECT_EQ(value, 1500);
  for (const char* text :
       {"", " 1", "1 ", "+1", "1,5", "0x10", "nan", "inf", "-inf", "1e999", "1x"}) {
    EXPECT_FALSE(parse_number(text, value)) << text;
  }
  EXPECT_EQ(value, 1500);
  std::int64_t integer = 0;
  EXPECT_TRUE(parse_number("-9223372036854775808", integer));
  EXPECT_EQ(integer, std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(parse_number("9223372036854775808", integer));
  EXPECT_FALSE(parse_number("1.0", integer));
}

TEST(FormatNumber, ReadsBackAsTheSameDouble) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t bits = random();
    double value = 0;
    static_assert(sizeof value == sizeof bits);
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    double back = 0;
    ASSERT_TRUE(parse_number(format_number(value), back)) << value;
    ASSERT_EQ(back, value);
  }
}

TEST(Csv, RoundTripsCommasQuotesNewlinesAndMicro) {
  const Records records = {
      {"plain", "with,comma", "say \"hi\"", "two\nlines", "crlf\r\ninside", "µs → Größe"},
      {"", "", "", "", "", "\""},
      {",", "\n", "\"\"", " leading", "trailing ", "a\"b,c\nd"},
  };
  std::ostringstream out;
  CsvWriter writer(out);
  for (const auto& record : records) {
    for (const std::string& field : record) writer.text(field);
    writer.end_row();
  }
  EXPECT_EQ(read_all(out.str()), records);
}

TEST(Csv, WritesWhatRfc4180Says) {
  std::ostringstream out;
  CsvWriter writer(out);
  writer.text("a,b").text("c\"d").number(std::nan("")).integer(-7).number(0.25).empty();
  writer.end_row();
  EXPECT_EQ(out.str(), "\"a,b\",\"c\"\"d\",,-7,0.25,\n");
}

TEST(Csv, ReadsCrlfByteOrderMarkAndEmptyLines) {
  EXPECT_EQ(read_all("\xEF\xBB\xBF"
                     "a,b\r\n\r\n1,\"2\"\r\n"),
            (Records{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read_all(""), Records{});
  EXPECT_EQ(read_all("\n\n"), Records{});
  EXPECT_EQ(read_all(","), (Records{{"", ""}}));
}

TEST(Csv, NamesTheLineOfARecordThatFollowsOneOfSeveralLines) {
  std::istringstream in("a\n\"x\ny\nz\"\nb\n");
  CsvReader reader(in, "test.csv");
  std::vector<std::size_t> lines;
  while (reader.next() != nullptr) lines.push_back(reader.line());
  EXPECT_EQ(lines, (std::vector<std::size_t>{1, 2, 5}));
}

TEST(Csv, NamesTheDefectAndItsPlace) {
  EXPECT_EQ(error_of("a,b\n1,x\"y\n\"\n"),
            "test.csv:2: column 2: a quote inside a field that does not start with one");
  EXPECT_EQ(error_of("a\n\"1\"x\n"), "test.csv:2: column 1: text after a closing quote");
  EXPECT_EQ(error_of("a\nb\n\"1\n2\n"), "test.csv:3: a quoted field does not end");
  EXPECT_EQ(error_of("a,b\n1,\xFF\n"), "test.csv:2: column 2: text is not UTF-8");
  EXPECT_EQ(error_of(std::string("a,b\n1\0,2\n", 9)), "test.csv:2: column 1: NUL byte");
  EXPECT_EQ(error_of("a\n" + std::string(CsvReader::kLongestRecord + 10, 'x')),
            "test.csv:2: line is too long");
}

TEST(Csv, KnowsWhetherTheLastLineEnds) {
  for (const auto& [text, ended] : {std::pair{"a\nb\n", true}, std::pair{"a\nb", false}}) {
    std::istringstream in(text);
    CsvReader reader(in, "test.csv");
    while (reader.next() != nullptr) {
    }
    EXPECT_EQ(reader.ended_with_newline(), ended) << text;
  }
}

// Records that straddle the reader's blocks in every way.
TEST(Csv, ReadsFilesLongerThanItsBlocks) {
  std::mt19937 random(7);
  Records records;
  std::ostringstream out;
  CsvWriter writer(out);
  for (int i = 0; i < 3000; ++i) {
    std::vector<std::string> record;
    for (int field = 0; field < 3; ++field) {
      std::string text(random() % 400, 'a');
      if (random() % 3 == 0) text += "\"\n,µ";
      record.push_back(text);
      writer.text(text);
    }
    writer.end_row();
    records.push_back(record);
  }
  EXPECT_EQ(read_all(out.str()), records);
}

class CommaLocale : public std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(Csv, DoesNotDependOnTheLocale) {
  const std::locale previous = std::locale::global(std::locale(std::locale(), new CommaLocale));
  const std::string c_locale = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8"}) {
    if (std::setlocale(LC_ALL, name) != nullptr) break;
  }
  std::ostringstream out;
  out.imbue(std::locale());
  CsvWriter writer(out);
  writer.number(1234567.5).integer(1234567);
  writer.end_row();
  double value = 0;
  const bool parsed = parse_number("1234567.5", value);
  std::setlocale(LC_ALL, c_locale.c_str());
  std::locale::global(previous);
  EXPECT_EQ(out.str(), "1234567.5,1234567\n");
  EXPECT_TRUE(parsed);
  EXPECT_EQ(value, 1234567.5);
}

TEST(Utf8, FindsTheFirstInvalidByte) {
  EXPECT_FALSE(find_invalid_utf8("plain text of more than eight bytes, µ, €, 😀"));
  EXPECT_EQ(find_invalid_utf8("abcdefghijk\x80"), 11u);
  EXPECT_EQ(find_invalid_utf8("\xC0\xAF"), 0u);          // overlong '/'
  EXPECT_EQ(find_invalid_utf8("\xE0\x9F\xBF"), 0u);      // overlong, three bytes
  EXPECT_EQ(find_invalid_utf8("a\xED\xA0\x80"), 1u);     // surrogate
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0u);  // above U+10FFFF
  EXPECT_EQ(find_invalid_utf8("\xE2\x82"), 0u);          // cut off
  EXPECT_EQ(find_invalid_utf8(std::string_view("01234567\0", 9)), 8u);
  EXPECT_EQ(count_code_points("µs😀"), 3u);
}

}  // namespace
}  // namespace notifier::analysis
