// SPDX-License-Identifier: MIT
// What ties a row structure to a CSV file: a table of columns, each with the functions that write
// and read one member. Schema, header line, validator and documentation all come from that table.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <istream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "analysis/csv.hpp"

namespace notifier::analysis {

// kRequired: no cell of the column is empty. kOptional: cells, and hence the whole column, may be
// missing; empty means undefined.
enum class Presence : std::uint8_t { kRequired, kOptional };

template <typename Row>
struct Column {
  std::string_view name;
  std::string_view type;  // "text", "integer", "number" or the words it may hold
  std::string_view unit;
  Presence presence;
  std::string_view meaning;
  void (*write)(const Row& row, CsvWriter& out);
  bool (*read)(std::string_view text, Row& row);  // text is not empty; false when it does not fit
};

// An enumeration that is written as a word specialises this:
// static constexpr std::array<std::string_view, N> kWords, and kList ("a, b or c").
template <typename Enum>
struct Words;

template <typename Enum>
requires std::is_enum_v<Enum>
constexpr std::string_view to_word(Enum value) {
  return Words<Enum>::kWords[static_cast<std::size_t>(value)];
}

template <typename Enum>
requires std::is_enum_v<Enum> std::optional<Enum> from_word(std::string_view word) {
  const auto& words = Words<Enum>::kWords;
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

namespace internal {

template <typename Value>
struct Cell;

template <>
struct Cell<std::string> {
  static constexpr std::string_view kType = "text";
  static void write(const std::string& value, CsvWriter& out) { out.text(value); }
  static bool read(std::string_view text, std::string& value) {
    value.assign(text);
    return true;
  }
};

template <>
struct Cell<std::int64_t> {
  static constexpr std::string_view kType = "integer";
  static void write(std::int64_t value, CsvWriter& out) { out.integer(value); }
  static bool read(std::string_view text, std::int64_t& value) { return parse_number(text, value); }
};

template <>
struct Cell<double> {
  static constexpr std::string_view kType = "number";
  static void write(double value, CsvWriter& out) { out.number(value); }
  static bool read(std::string_view text, double& value) { return parse_number(text, value); }
};

template <typename Enum>
requires std::is_enum_v<Enum>
struct Cell<Enum> {
  static constexpr std::string_view kType = Words<Enum>::kList;
  static void write(Enum value, CsvWriter& out) { out.text(to_word(value)); }
  static bool read(std::string_view text, Enum& value) {
    const std::optional<Enum> found = from_word<Enum>(text);
    if (found) value = *found;
    return found.has_value();
  }
};

template <typename Value>
struct Cell<std::optional<Value>> {
  static constexpr std::string_view kType = Cell<Value>::kType;
  static void write(const std::optional<Value>& value, CsvWriter& out) {
    if (value) {
      Cell<Value>::write(*value, out);
    } else {
      out.empty();
    }
  }
  static bool read(std::string_view text, std::optional<Value>& value) {
    return Cell<Value>::read(text, value.emplace());
  }
};

template <typename Pointer>
struct MemberPointer;
template <typename Class, typename Value>
struct MemberPointer<Value Class::*> {
  using ClassType = Class;
  using ValueType = Value;
};

}  // namespace internal

template <auto kMember>
constexpr auto column(std::string_view name, Presence presence, std::string_view unit,
                      std::string_view meaning) {
  using Row = typename internal::MemberPointer<decltype(kMember)>::ClassType;
  using Value = typename internal::MemberPointer<decltype(kMember)>::ValueType;
  using Cell = internal::Cell<Value>;
  return Column<Row>{
      name,
      Cell::kType,
      unit,
      presence,
      meaning,
      [](const Row& row, CsvWriter& out) { Cell::write(row.*kMember, out); },
      [](std::string_view text, Row& row) { return Cell::read(text, row.*kMember); },
  };
}

template <typename Row>
void write_header(std::span<const Column<Row>> columns, CsvWriter& out) {
  for (const Column<Row>& column : columns) out.text(column.name);
  out.end_row();
}

template <typename Row>
void write_row(std::span<const Column<Row>> columns, const Row& row, CsvWriter& out) {
  for (const Column<Row>& column : columns) column.write(row, out);
  out.end_row();
}

// The cell as a reader would get it, without quotes.
template <typename Row>
std::string cell_text(const Column<Row>& column, const Row& row) {
  std::stringstream text;
  CsvWriter writer(text);
  column.write(row, writer);
  writer.end_row();
  CsvReader reader(text, "cell");
  const std::vector<std::string_view>* fields = reader.next();
  return fields == nullptr ? std::string() : std::string(fields->front());
}

// Reads rows of a file whose columns may stand in any order. Unknown columns are kept aside in
// unknown_columns(); a missing required one, a repeated one and a missing header are errors.
template <typename Row>
class RowReader {
 public:
  RowReader(std::span<const Column<Row>> columns, std::istream& in, std::string file_name)
      : columns_(columns), csv_(in, std::move(file_name)) {
    read_header();
  }

  // False at the end. row is overwritten as a whole. Throws InputError.
  bool next(Row& row) {
    const std::vector<std::string_view>* fields = csv_.next();
    if (fields == nullptr) {
      if (!csv_.ended_with_newline()) {
        throw InputError(csv_.file_name(), csv_.line(), 0, "truncated: the last line has no end");
      }
      return false;
    }
    if (fields->size() != source_.size()) csv_.fail(fields->size() - 1, count_message(*fields));
    row = Row{};
    for (std::size_t i = 0; i < fields->size(); ++i) read_cell(i, (*fields)[i], row);
    return true;
  }

  std::size_t line() const { return csv_.line(); }
  const std::string& file_name() const { return csv_.file_name(); }
  // Position of a column in the file, from 1; 0 when it has none.
  std::size_t column_of(std::string_view name) const {
    for (std::size_t i = 0; i < source_.size(); ++i) {
      if (source_[i] != nullptr && source_[i]->name == name) return i + 1;
    }
    return 0;
  }
  const std::vector<std::string>& unknown_columns() const { return unknown_columns_; }
  bool has_column(std::string_view name) const {
    return std::any_of(source_.begin(), source_.end(),
                       [&](const Column<Row>* column) { return column && column->name == name; });
  }

 private:
  void read_header() {
    const std::vector<std::string_view>* header = csv_.next();
    if (header == nullptr) throw InputError(csv_.file_name(), 0, 0, "empty: no header line");
    for (std::size_t i = 0; i < header->size(); ++i) {
      const Column<Row>* column = find((*header)[i]);
      if (column == nullptr) unknown_columns_.emplace_back((*header)[i]);
      if (column != nullptr && has_column(column->name)) {
        csv_.fail(i, "column '" + std::string(column->name) + "' stands here a second time");
      }
      source_.push_back(column);
    }
    for (const Column<Row>& column : columns_) {
      if (column.presence == Presence::kRequired && !has_column(column.name)) {
        throw InputError(csv_.file_name(), csv_.line(), 0,
                         "wrong header: no column '" + std::string(column.name) + "'");
      }
    }
  }

  void read_cell(std::size_t i, std::string_view text, Row& row) const {
    const Column<Row>* column = source_[i];
    if (column == nullptr) return;
    if (text.empty()) {
      if (column->presence == Presence::kOptional) return;
      csv_.fail(i, std::string(column->name) + " is empty");
    }
    if (column->read(text, row)) return;
    csv_.fail(i, std::string(column->name) + ": '" + std::string(text.substr(0, 40)) +
                     "' is not of type " + std::string(column->type));
  }

  const Column<Row>* find(std::string_view name) const {
    const auto found = std::find_if(columns_.begin(), columns_.end(),
                                    [&](const Column<Row>& column) { return column.name == name; });
    return found == columns_.end() ? nullptr : &*found;
  }

  std::string count_message(const std::vector<std::string_view>& fields) const {
    return "the line has " + std::to_string(fields.size()) + " fields, the header " +
           std::to_string(source_.size());
  }

  std::span<const Column<Row>> columns_;
  CsvReader csv_;
  std::vector<const Column<Row>*> source_;  // per field of the file; nullptr when unknown
  std::vector<std::string> unknown_columns_;
};

}  // namespace notifier::analysis
