// SPDX-License-Identifier: MIT
// The recipes as a user runs them, on little memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<analysis::SampleRow> events_of(const std::filesystem::path& recording) {
  std::ifstream in(recording / "samples.csv");
  analysis::RowReader<analysis::SampleRow> reader(analysis::sample_columns(), in, "samples.csv");
  std::vector<analysis::SampleRow> samples;
  analysis::SampleRow row;
  while (reader.next(row)) {
    if (row.kind == analysis::EventKind::kEvent) samples.push_back(row);
  }
  return samples;
}

// What loses its mapping while it is pinned stops the queues; nothing else of a load does.
TEST(Recipe, OfTheModelLoaderOnlyPinsThatOutliveTheirMappingsEvict) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--recipe", "model-loader", "--size", "1MiB", "--events", "6",
                                   "--no-self-test", "--results", folder.text()})
                                .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("4 ok, 0 skipped, 0 failed; 0 integrity violations"));
  for (const char* way : {"| none |", "| unpin_first |", "| staged |", "| read |"}) {
    EXPECT_THAT(finished.out, HasSubstr(way));
  }
  EXPECT_THAT(finished.out, AnyOf(HasSubstr(" bought most: a worst step of "),
                                  HasSubstr("no mitigation bought anything")));
  int pinned = 0;
  for (const analysis::SampleRow& sample : events_of(only_recording(folder.path()))) {
    if (sample.case_name.find("load_pinned") == std::string::npos) {
      EXPECT_EQ(sample.evictions, 0) << sample.case_name;
      continue;
    }
    ++pinned;
    EXPECT_GE(*sample.evictions, 1);
    EXPECT_LE(*sample.evictions, 4) << "one of each file";
  }
  EXPECT_EQ(pinned, 6);
}

TEST(Recipe, EachMitigationCanBeChosen) {
  const Finished one =
      bench({"--recipe", "model-loader", "--size", "1MiB", "--mitigation", "staged", "--dry-run"})
          .run();
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("load_staged"));
  EXPECT_THAT(one.out, Not(HasSubstr("load_pinned")));
  EXPECT_EQ(bench({"--recipe", "model-loader", "--mitigation", "dontfork"}).run().exit_code, 2);
  EXPECT_EQ(bench({"--recipe", "model-loader", "--size", "1MiB", "2MiB"}).run().exit_code, 2);
}

}  // namespace
}  // namespace notifier::testing
