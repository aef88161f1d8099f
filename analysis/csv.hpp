// SPDX-License-Identifier: MIT
// CSV as RFC 4180 quotes it. The writer ends lines with LF, which version control and text tools
// want; the reader takes LF and CRLF. Numbers never depend on the process's locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace notifier::analysis {

// Shortest decimal text that reads back as the same double, never in exponent form between 1e-7 and
// 1e17. Empty when the value is not finite: undefined is empty, never 0.
std::string format_number(double value);

// Whole text only, no leading blank or '+', finite. False when the text is anything else.
bool parse_number(std::string_view text, double& value);
bool parse_number(std::string_view text, std::int64_t& value);

class CsvWriter {
 public:
  // Keeps a reference. The stream's state after end_row() tells whether the bytes were taken.
  explicit CsvWriter(std::ostream& out) : out_(out) {}

  CsvWriter& text(std::string_view value);
  CsvWriter& number(double value);  // empty when not finite
  CsvWriter& integer(std::int64_t value);
  CsvWriter& empty() { return text({}); }
  void end_row();

 private:
  std::ostream& out_;
  std::string line_;
  bool row_started_ = false;
};

// A defect of an input file, with its place. line and column count from 1; 0 means the whole file
// or the whole line. The column is the number of the field.
class InputError : public std::runtime_error {
 public:
  InputError(std::string file, std::size_t line, std::size_t column, const std::string& message);
  const std::string& file() const { return file_; }
  std::size_t line() const { return line_; }
  std::size_t column() const { return column_; }

 private:
  std::string file_;
  std::size_t line_;
  std::size_t column_;
};

// Streams records: memory is bounded by the longest record, which may not exceed kLongestRecord.
class CsvReader {
 public:
  static constexpr std::size_t kLongestRecord = std::size_t{1} << 20;

  CsvReader(std::istream& in, std::string file_name);

  // The next record, or nullptr at the end. The views live until the next call. Throws InputError
  // for an unclosed quote, text after a closing quote, a quote inside an unquoted field, a NUL,
  // text that is not UTF-8, or a record longer than kLongestRecord. Empty lines are skipped; a
  // leading byte order mark too.
  const std::vector<std::string_view>* next();

  // Of the record that next() returned last: the line it starts on.
  std::size_t line() const { return record_line_; }
  // After next() returned nullptr: whether the file's last line was complete.
  bool ended_with_newline() const { return ended_with_newline_; }
  const std::string& file_name() const { return file_name_; }

  // column counts from 0 here, as in the record.
  [[noreturn]] void fail(std::size_t column, const std::string& message) const;

 private:
  bool fill();
  bool find_record_end();
  void split(char* begin, char* end);
  char* split_quoted(char* position, char* end);
  void check_text(const char* begin, const char* end) const;

  std::istream& in_;
  std::string file_name_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;        // first byte of the unread rest
  std::size_t end_ = 0;          // end of the bytes in buffer_
  std::size_t record_end_ = 0;   // after find_record_end(): end without the line break
  std::size_t next_record_ = 0;  // after find_record_end(): first byte after the line break
  std::size_t newlines_in_record_ = 0;
  bool record_has_quote_ = false;
  std::size_t record_line_ = 0;
  std::size_t next_line_ = 1;
  bool at_end_of_input_ = false;
  bool ended_with_newline_ = true;
  std::vector<std::string_view> fields_;
};

}  // namespace notifier::analysis
