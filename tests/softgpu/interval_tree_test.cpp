// SPDX-License-Identifier: MIT
#include "softgpu/core/interval_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace softgpu {
namespace {

std::vector<const IntervalNode*> overlapping(const IntervalTree& tree, std::uintptr_t first,
                                             std::uintptr_t last) {
  std::vector<const IntervalNode*> found;
  tree.for_each_overlap(first, last, [&](IntervalNode& node) { found.push_back(&node); });
  return found;
}

TEST(IntervalTree, EmptyTreeHasNoOverlap) {
  const IntervalTree tree;
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(tree.first_overlap(0, UINTPTR_MAX), nullptr);
}

TEST(IntervalTree, BoundsAreInclusive) {
  IntervalTree tree;
  IntervalNode node{.first = 10, .last = 19};
  tree.insert(node);
  EXPECT_EQ(tree.first_overlap(0, 9), nullptr);
  EXPECT_EQ(tree.first_overlap(0, 10), &node);
  EXPECT_EQ(tree.first_overlap(19, 30), &node);
  EXPECT_EQ(tree.first_overlap(20, 30), nullptr);
  tree.erase(node);
  EXPECT_TRUE(tree.empty());
}

TEST(IntervalTree, EqualIntervalsAreAllFound) {
  IntervalTree tree;
  IntervalNode nodes[3];
  for (IntervalNode& node : nodes) {
    node.first = 5;
    node.last = 7;
    tree.insert(node);
  }
  EXPECT_EQ(overlapping(tree, 6, 6).size(), 3u);
  tree.erase(nodes[1]);
  const auto found = overlapping(tree, 6, 6);
  EXPECT_EQ(found.size(), 2u);
  EXPECT_EQ(std::count(found.begin(), found.end(), &nodes[1]), 0);
}

TEST(IntervalTree, LastAddressIsAnAddress) {
  IntervalTree tree;
  IntervalNode node{.first = UINTPTR_MAX, .last = UINTPTR_MAX};
  tree.insert(node);
  EXPECT_EQ(tree.first_overlap(0, UINTPTR_MAX), &node);
  EXPECT_EQ(tree.next_overlap(node, 0, UINTPTR_MAX), nullptr);
}

/// The same operations on the tree and on a plain list.
class AgainstModel {
 public:
  explicit AgainstModel(std::uint64_t seed) : random_(seed) {}

  void step() {
    if (model_.empty() || (model_.size() < 200 && chance(3, 5))) {
      auto node = std::make_unique<IntervalNode>();
      node->first = address();
      node->last = node->first + address() / 8;
      tree_.insert(*node);
      model_.push_back(std::move(node));
    } else {
      const std::size_t index = random_() % model_.size();
      tree_.erase(*model_[index]);
      model_.erase(model_.begin() + static_cast<std::ptrdiff_t>(index));
    }
    compare(address());
  }

 private:
  bool chance(unsigned part, unsigned of) { return random_() % of < part; }
  std::uintptr_t address() { return random_() % 1000; }

  void compare(std::uintptr_t first) {
    const std::uintptr_t last = first + address() / 10;
    std::vector<const IntervalNode*> expected;
    for (const auto& node : model_) {
      if (node->first <= last && node->last >= first) {
        expected.push_back(node.get());
      }
    }
    std::sort(expected.begin(), expected.end(), [](const auto* a, const auto* b) {
      return a->first != b->first ? a->first < b->first : a < b;
    });
    ASSERT_EQ(overlapping(tree_, first, last), expected);
  }

  std::mt19937_64 random_;
  IntervalTree tree_;
  std::vector<std::unique_ptr<IntervalNode>> model_;
};

TEST(IntervalTree, AgreesWithBruteForce) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", std::to_string(seed));
  AgainstModel both(seed);
  for (int step = 0; step < 20'000 && !HasFatalFailure(); ++step) {
    both.step();
  }
}

TEST(IntervalTree, StaysShallowWhenFilledInOrder) {
  // A degenerate tree would recurse 200 000 deep here and take quadratic time.
  IntervalTree tree;
  std::vector<IntervalNode> nodes(200'000);
  for (std::size_t index = 0; index < nodes.size(); ++index) {
    nodes[index].first = index * 10;
    nodes[index].last = index * 10 + 9;
    tree.insert(nodes[index]);
  }
  EXPECT_EQ(tree.first_overlap(1'999'995, 1'999'995), &nodes.back());
  EXPECT_EQ(overlapping(tree, 100, 129).size(), 3u);
}

}  // namespace
}  // namespace softgpu
