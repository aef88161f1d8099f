// SPDX-License-Identifier: MIT
#include "support_table.hpp"

#include <hip/hip_version.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "declared.h"

namespace softgpu_test::support {
namespace {

constexpr std::array kGroups = {
    Group{"Device and errors", device_rows},
    Group{"Memory", memory_rows},
    Group{"Copies and advice", copy_rows},
    Group{"Streams", stream_rows},
    Group{"Events", event_rows},
    Group{"Kernels", launch_rows},
    Group{"Thunk (hsakmt) and HSA runtime", thunk_rows},
    Group{"Thunk: memory", thunk_memory_rows},
};

constexpr const char* kIntroduction =
    "# What softgpu supports\n"
    "\n"
    "Made by `softgpu_support_tests --process-body=support_document`, which calls each function "
    "and looks "
    "at what "
    "comes of it;\nthe test `SupportTable.IsTheOneInTheDocumentation` fails when this page says "
    "anything else, "
    "`SupportTable.EveryFunctionHasARow`\nwhen a function that the software GPU has is missing "
    "here. A row's own test is "
    "`Functions/Support.DoesWhatItsRowSays/FUNCTION`.\n"
    "\n"
    "- **implemented**: what the row says was seen, and nothing of the function is known to be "
    "missing.\n"
    "- **partial**: what the row says was seen, and so was the refusal of what is missing.\n"
    "- **not supported**: declared by ROCm's headers; softgpu has no such function, so that a "
    "program which calls it "
    "does not\n  link, or is not started by the loader where the drop-in takes ROCm's place.\n";

constexpr const char* kRowVariable = "SOFTGPU_SUPPORT_ROW";
constexpr const char* kPartVariable = "SOFTGPU_SUPPORT_PART";

PROCESS_BODY(support_row) {
  const std::string_view name = std::getenv(kRowVariable);
  const bool lacks = std::string_view(std::getenv(kPartVariable)) == "lacks";
  for (const Row* row : all_rows()) {
    if (name == row->function) {
      (lacks ? row->lacks : row->works)();
      return;
    }
  }
  const bool row_of_that_name = false;
  REQUIRE(row_of_that_name);
}

PROCESS_BODY(support_document) { std::printf("%s", document().c_str()); }

ProcessResult run(const Row& row, const char* part) {
  return run_process("support_row", {{kRowVariable, row.function},
                                     {kPartVariable, part},
                                     {"SOFTGPU_DEVICES", std::to_string(kDevices)},
                                     {"SOFTGPU_WAVES", "4"},
                                     {"SOFTGPU_VRAM", std::to_string(8 << 20)},
                                     {"SOFTGPU_KERNELS", ""}});  // this program itself
}

std::string word_of(Status status) {
  switch (status) {
    case Status::kImplemented:
      return "implemented";
    case Status::kPartial:
      return "partial";
    case Status::kBroken:
      break;
  }
  return "BROKEN";
}

std::string table_of(const Group& group) {
  std::string text =
      std::string("\n## ") + group.title +
      "\n\n| function | status | what is seen | what is missing |\n|---|---|---|---|\n";
  for (const Row& row : group.rows()) {
    const std::string missing = *row.missing == '\0' ? "|" : std::string(row.missing) + " |";
    text += std::string("| ") + row.function + " | " + word_of(probe(row).status) + " | " +
            row.shows + " | " + missing + "\n";
  }
  return text;
}

/// Names that do not exist, wrapped, of one library.
std::string list_of(const std::string& title, bool thunk) {
  constexpr std::size_t kColumns = 118;
  std::string text = "\n## Not supported: " + title + "\n\n";
  std::string line;
  for (const Function& function : functions()) {
    if (function.present || function.name.starts_with("hsaKmt") != thunk) {
      continue;
    }
    if (line.size() + function.name.size() + 2 > kColumns) {
      text += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + function.name + ",";
  }
  if (!line.empty()) {
    line.back() = '.';
  }
  return text + line + "\n";
}

}  // namespace

std::span<const Group> groups() { return kGroups; }

std::vector<const Row*> all_rows() {
  std::vector<const Row*> rows;
  for (const Group& group : kGroups) {
    for (const Row& row : group.rows()) {
      rows.push_back(&row);
    }
  }
  return rows;
}

Finding probe(const Row& row) {
  const ProcessResult works = run(row, "works");
  if (!works.passed()) {
    return {Status::kBroken, works.output};
  }
  if (row.lacks == nullptr) {
    return {Status::kImplemented, {}};
  }
  const ProcessResult lacks = run(row, "lacks");
  return {lacks.passed() ? Status::kPartial : Status::kBroken, lacks.output};
}

const std::vector<Function>& functions() {
  static const std::vector<Function> all = [] {
    std::vector<Function> list;
    for (const declared_function* each = softgpu_declared_functions; each->name != nullptr;
         ++each) {
      list.push_back({each->name, each->address != nullptr});
    }
    return list;
  }();
  return all;
}

bool headers_are_those_of_the_document() {
  return HIP_VERSION_MAJOR == 5 && HIP_VERSION_MINOR == 2;
}

std::string document() {
  std::string text = kIntroduction;
  for (const Group& group : kGroups) {
    text += table_of(group);
  }
  if (headers_are_those_of_the_document()) {
    text += list_of("HIP (memory, streams, events, devices, launch; headers of ROCm 5.2.3)", false);
    text += list_of("hsakmt (headers of ROCm 5.2.3)", true);
  }
  return text;
}

}  // namespace softgpu_test::support
