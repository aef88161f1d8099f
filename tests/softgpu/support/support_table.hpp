// SPDX-License-Identifier: MIT
// The table of docs/softgpu-support.md, made by running the rows.
#pragma once

#include <string>
#include <vector>

#include "support.hpp"

namespace softgpu_test::support {

struct Group {
  const char* title;
  std::span<const Row> (*rows)();
};

std::span<const Group> groups();
std::vector<const Row*> all_rows();

enum class Status { kImplemented, kPartial, kBroken };

struct Finding {
  Status status = Status::kBroken;
  std::string output;  // of what went wrong
};

/// Runs the row's code.
Finding probe(const Row& row);

/// Functions that the headers declare or the drop-in's maps name.
struct Function {
  std::string name;
  bool present;  // the software GPU has it
};
const std::vector<Function>& functions();

/// The header files that `functions()` and the document were made of are the same.
bool headers_are_those_of_the_document();

/// What docs/softgpu-support.md must be.
std::string document();

}  // namespace softgpu_test::support
