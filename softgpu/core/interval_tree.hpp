// SPDX-License-Identifier: MIT
// Intrusive interval tree: a treap ordered by first byte, each node knowing the largest last byte
// below it. Intervals may overlap. No operation allocates, so it can be used under a lock that the
// notifier's supervisor takes.
#pragma once

#include <cstdint>

namespace softgpu {

struct IntervalNode {
  std::uintptr_t first = 0;
  std::uintptr_t last = 0;  // inclusive
  void* owner = nullptr;    // the object that the node is part of

  // Set by IntervalTree only.
  IntervalNode* left = nullptr;
  IntervalNode* right = nullptr;
  std::uintptr_t subtree_last = 0;
  std::uint64_t priority = 0;
};

/// Not synchronised: the caller holds a lock. Nodes stay owned by the caller and must not change
/// `first` or `last` while they are in the tree.
class IntervalTree {
 public:
  void insert(IntervalNode& node);
  void erase(IntervalNode& node);

  /// The overlapping node that comes first in order of (first, address); null when there is none.
  IntervalNode* first_overlap(std::uintptr_t first, std::uintptr_t last) const;

  /// The next overlapping node after `previous`, which must be in the tree.
  IntervalNode* next_overlap(const IntervalNode& previous, std::uintptr_t first,
                             std::uintptr_t last) const;

  /// Calls visit(IntervalNode&) for each overlapping node in ascending order of `first`. The
  /// visitor must not insert or erase.
  template <typename Visitor>
  void for_each_overlap(std::uintptr_t first, std::uintptr_t last, Visitor&& visit) const {
    visit_below(root_, first, last, visit);
  }

  bool empty() const { return root_ == nullptr; }

 private:
  /// As deep as the tree, some 40 calls for 100 000 nodes.
  template <typename Visitor>
  static void visit_below(IntervalNode* tree, std::uintptr_t first, std::uintptr_t last,
                          Visitor& visit) {
    if (tree == nullptr || tree->subtree_last < first) {
      return;
    }
    visit_below(tree->left, first, last, visit);
    if (tree->first > last) {
      return;
    }
    if (tree->last >= first) {
      visit(*tree);
    }
    visit_below(tree->right, first, last, visit);
  }

  IntervalNode* root_ = nullptr;
  std::uint64_t priority_state_ = 0x9E3779B97F4A7C15ull;
};

}  // namespace softgpu
