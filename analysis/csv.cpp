// SPDX-License-Identifier: MIT
#include "analysis/csv.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "analysis/utf8.hpp"

namespace notifier::analysis {
namespace {

// Blocks begin small, for most texts are one cell, and double up to what suits a file of samples.
constexpr std::size_t kFirstBlockBytes = std::size_t{1} << 12;
constexpr std::size_t kBlockBytes = std::size_t{1} << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

template <typename Number>
bool parse_whole(std::string_view text, Number& value) {
  Number parsed{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, parsed);
  if (error != std::errc{} || rest != end || text.empty()) return false;
  value = parsed;
  return true;
}

std::string place(const std::string& file, std::size_t line, std::size_t column) {
  std::string text = file;
  if (line != 0) text += ":" + std::to_string(line);
  if (column != 0) text += ": column " + std::to_string(column);
  return text;
}

}  // namespace

std::string format_number(double value) {
  if (!std::isfinite(value)) return {};
  const double magnitude = std::abs(value);
  const bool plain = magnitude == 0 || (magnitude >= 1e-7 && magnitude < 1e17);
  std::array<char, 64> text{};
  const auto result =
      std::to_chars(text.data(), text.data() + text.size(), value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  return {text.data(), result.ptr};
}

bool parse_number(std::string_view text, double& value) {
  double parsed = 0;
  if (!parse_whole(text, parsed) || !std::isfinite(parsed)) return false;
  value = parsed;
  return true;
}

bool parse_number(std::string_view text, std::int64_t& value) { return parse_whole(text, value); }

CsvWriter& CsvWriter::text(std::string_view value) {
  if (row_started_) line_ += ',';
  row_started_ = true;
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    line_ += value;
    return *this;
  }
  line_ += '"';
  for (const char character : value) {
    if (character == '"') line_ += '"';
    line_ += character;
  }
  line_ += '"';
  return *this;
}

CsvWriter& CsvWriter::number(double value) { return text(format_number(value)); }

CsvWriter& CsvWriter::integer(std::int64_t value) {
  std::array<char, 24> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return text({digits.data(), result.ptr});
}

void CsvWriter::end_row() {
  line_ += '\n';
  out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
  line_.clear();
  row_started_ = false;
}

InputError::InputError(std::string file, std::size_t line, std::size_t column,
                       const std::string& message)
    : std::runtime_error(place(file, line, column) + ": " + message),
      file_(std::move(file)),
      line_(line),
      column_(column) {}

CsvReader::CsvReader(std::istream& in, std::string file_name)
    : in_(in), file_name_(std::move(file_name)) {
  while (end_ < kByteOrderMark.size() && fill()) {
  }
  if (std::string_view(buffer_.data(), end_).starts_with(kByteOrderMark)) {
    begin_ = kByteOrderMark.size();
  }
}

void CsvReader::fail(std::size_t column, const std::string& message) const {
  throw InputError(file_name_, record_line_, column + 1, message);
}

// Moves the unread rest to the front and reads another block behind it.
bool CsvReader::fill() {
  if (at_end_of_input_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size() || buffer_.size() < kBlockBytes) {
    buffer_.resize(std::max(kFirstBlockBytes, buffer_.size() * 2));
  }
  in_.read(buffer_.data() + end_, static_cast<std::streamsize>(buffer_.size() - end_));
  const auto read = static_cast<std::size_t>(in_.gcount());
  end_ += read;
  if (in_.bad()) throw InputError(file_name_, 0, 0, "cannot be read");
  if (read == 0) at_end_of_input_ = true;
  return read != 0;
}

// Finds the line break that ends the record at begin_: the first one outside quotes.
bool CsvReader::find_record_end() {
  std::size_t position = begin_;
  bool quoted = false;
  newlines_in_record_ = 0;
  record_has_quote_ = false;
  while (true) {
    const char* found = nullptr;
    const char* base = buffer_.data();
    const void* newline = std::memchr(base + position, '\n', end_ - position);
    found = static_cast<const char*>(newline);
    const std::size_t limit = found != nullptr ? static_cast<std::size_t>(found - base) : end_;
    for (const void* quote = std::memchr(base + position, '"', limit - position);
         quote != nullptr;) {
      quoted = !quoted;
      record_has_quote_ = true;
      const auto after = static_cast<std::size_t>(static_cast<const char*>(quote) - base) + 1;
      quote = std::memchr(base + after, '"', limit - after);
    }
    if (limit - begin_ > kLongestRecord) {
      throw InputError(file_name_, next_line_, 0,
                       quoted ? "a quoted field does not end" : "line is too long");
    }
    if (found != nullptr && !quoted) {
      record_end_ = limit;
      next_record_ = limit + 1;
      ++newlines_in_record_;
      return true;
    }
    if (found != nullptr) {
      ++newlines_in_record_;
      position = limit + 1;
      continue;
    }
    const std::size_t scanned = end_ - begin_;
    if (!fill()) {
      if (quoted) throw InputError(file_name_, next_line_, 0, "a quoted field does not end");
      record_end_ = next_record_ = end_;
      if (begin_ == end_) return false;
      ended_with_newline_ = false;
      return true;
    }
    position = begin_ + scanned;
  }
}

const std::vector<std::string_view>* CsvReader::next() {
  while (find_record_end()) {
    record_line_ = next_line_;
    next_line_ += newlines_in_record_;
    char* begin = buffer_.data() + begin_;
    char* end = buffer_.data() + record_end_;
    begin_ = next_record_;
    if (end > begin && end[-1] == '\r') --end;
    if (begin == end) continue;
    check_text(begin, end);
    split(begin, end);
    return &fields_;
  }
  return nullptr;
}

void CsvReader::check_text(const char* begin, const char* end) const {
  const std::string_view text(begin, static_cast<std::size_t>(end - begin));
  const std::optional<std::size_t> defect = find_invalid_utf8(text);
  if (!defect) return;
  std::size_t column = 0;
  for (const char character : text.substr(0, *defect)) column += character == ',' ? 1 : 0;
  fail(column, text[*defect] == '\0' ? "NUL byte" : "text is not UTF-8");
}

void CsvReader::split(char* begin, char* end) {
  fields_.clear();
  char* position = begin;
  while (true) {
    if (record_has_quote_ && position < end && *position == '"') {
      position = split_quoted(position, end);
    } else {
      auto* comma =
          static_cast<char*>(std::memchr(position, ',', static_cast<std::size_t>(end - position)));
      if (comma == nullptr) comma = end;
      const std::string_view field(position, static_cast<std::size_t>(comma - position));
      if (record_has_quote_ && field.find('"') != std::string_view::npos) {
        fail(fields_.size(), "a quote inside a field that does not start with one");
      }
      fields_.push_back(field);
      position = comma;
    }
    if (position == end) return;
    ++position;
  }
}

// Unescapes in place. Returns the position of the comma that follows, or end.
char* CsvReader::split_quoted(char* position, char* end) {
  char* field_begin = ++position;
  char* out = field_begin;
  while (true) {
    // find_record_end() has counted an even number of quotes, so one more is always there
    auto* quote =
        static_cast<char*>(std::memchr(position, '"', static_cast<std::size_t>(end - position)));
    if (quote == nullptr) fail(fields_.size(), "a quoted field does not end");
    const auto length = static_cast<std::size_t>(quote - position);
    std::memmove(out, position, length);
    out += length;
    position = quote + 1;
    if (position == end || *position != '"') break;
    *out++ = '"';
    ++position;
  }
  if (position != end && *position != ',') fail(fields_.size(), "text after a closing quote");
  fields_.emplace_back(field_begin, static_cast<std::size_t>(out - field_begin));
  return position;
}

}  // namespace notifier::analysis
