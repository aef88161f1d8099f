// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "harness/pin/perturbation.hpp"
#include "harness/pin/together.hpp"

namespace notifier::pin {
namespace {

TEST(ActorTable, EveryRowIsComplete) {
  std::set<std::string_view> names;
  for (const ActorRow& row : actors()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands twice";
    EXPECT_NE(row.make, nullptr) << row.name;
    EXPECT_TRUE(row.writes || row.reads) << row.name;
    EXPECT_FALSE(row.summary.empty()) << row.name;
    EXPECT_NE(row.source.find(".c "), std::string_view::npos) << row.name << ": no kernel source";
    EXPECT_GE(row.expected_since, 5019) << row.name;
    EXPECT_EQ(find_actor(row.name), &row);
  }
  EXPECT_EQ(find_actor("no such thing"), nullptr);
}

TEST(BackingTable, RowsStandWhereTheirValuesSay) {
  std::set<std::string_view> names;
  for (const BackingRow& row : backings()) {
    EXPECT_EQ(&info(row.backing), &row) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands twice";
    EXPECT_FALSE(row.summary.empty()) << row.name;
  }
}

TEST(PerturbationTable, EveryRowIsComplete) {
  std::set<std::string> names;
  for (const PerturbationRow& row : perturbations()) {
    const std::string name = std::string(row.name) + "/" + std::string(row.policy);
    EXPECT_TRUE(names.insert(name).second) << name << " stands twice";
    EXPECT_NE(row.perform, nullptr) << name;
    EXPECT_FALSE(row.summary.empty()) << name;
    if (row.name != "none") {
      EXPECT_NE(row.source.find(".c "), std::string_view::npos) << name << ": no kernel source";
    }
    EXPECT_EQ(find_perturbation(row.name, row.policy), &row);
  }
  EXPECT_EQ(find_perturbation("none", "no such policy"), nullptr);
}

// Who first writes after a fork needs a process that still has the memory, and a child that lives.
TEST(PerturbationTable, FirstWritersExist) {
  for (const PerturbationRow& row : perturbations()) {
    if (row.first_writer == FirstWriter::kChild) {
      EXPECT_TRUE(row.forks) << row.name;
    }
    if (row.name == "fork_parent_unmap" || row.name == "munmap") {
      EXPECT_NE(row.first_writer, FirstWriter::kProcess) << row.name;
    }
  }
}

TEST(TogetherTable, NamesActorsThatExist) {
  for (const TogetherRow& row : together_rows()) {
    ASSERT_NE(find_actor(row.first), nullptr) << row.name;
    EXPECT_TRUE(find_actor(row.first)->writes) << row.name;
    if (!row.second.empty()) {
      EXPECT_NE(find_actor(row.second), nullptr) << row.name;
    }
    EXPECT_EQ(find_together(row.name), &row);
  }
  EXPECT_EQ(find_together("no such thing"), nullptr);
}

}  // namespace
}  // namespace notifier::pin
