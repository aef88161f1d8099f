// SPDX-License-Identifier: MIT
#include "softgpu/core/interval_tree.hpp"

#include <algorithm>

namespace softgpu {
namespace {

bool precedes(const IntervalNode& a, const IntervalNode& b) {
  return a.first != b.first ? a.first < b.first : &a < &b;
}

void update(IntervalNode& node) {
  node.subtree_last = node.last;
  if (node.left != nullptr) {
    node.subtree_last = std::max(node.subtree_last, node.left->subtree_last);
  }
  if (node.right != nullptr) {
    node.subtree_last = std::max(node.subtree_last, node.right->subtree_last);
  }
}

/// Splits into nodes before `pivot` and nodes from `pivot` on.
void split(IntervalNode* tree, const IntervalNode& pivot, IntervalNode*& before,
           IntervalNode*& after) {
  if (tree == nullptr) {
    before = after = nullptr;
    return;
  }
  if (precedes(*tree, pivot)) {
    split(tree->right, pivot, tree->right, after);
    before = tree;
  } else {
    split(tree->left, pivot, before, tree->left);
    after = tree;
  }
  update(*tree);
}

IntervalNode* merge(IntervalNode* before, IntervalNode* after) {
  if (before == nullptr || after == nullptr) {
    return before != nullptr ? before : after;
  }
  if (before->priority > after->priority) {
    before->right = merge(before->right, after);
    update(*before);
    return before;
  }
  after->left = merge(before, after->left);
  update(*after);
  return after;
}

IntervalNode* insert_below(IntervalNode* tree, IntervalNode& node) {
  if (tree == nullptr || node.priority > tree->priority) {
    split(tree, node, node.left, node.right);
    update(node);
    return &node;
  }
  IntervalNode*& child = precedes(node, *tree) ? tree->left : tree->right;
  child = insert_below(child, node);
  update(*tree);
  return tree;
}

IntervalNode* erase_below(IntervalNode* tree, IntervalNode& node) {
  if (tree == nullptr) {
    return nullptr;
  }
  if (tree == &node) {
    return merge(node.left, node.right);
  }
  IntervalNode*& child = precedes(node, *tree) ? tree->left : tree->right;
  child = erase_below(child, node);
  update(*tree);
  return tree;
}

/// First overlapping node of the subtree; with `after`, only nodes that follow it in order.
IntervalNode* find_overlap(IntervalNode* tree, std::uintptr_t first, std::uintptr_t last,
                           const IntervalNode* after) {
  if (tree == nullptr || tree->subtree_last < first) {
    return nullptr;
  }
  const bool follows = after == nullptr || precedes(*after, *tree);
  if (follows) {
    if (IntervalNode* found = find_overlap(tree->left, first, last, after)) {
      return found;
    }
    if (tree->first <= last && tree->last >= first) {
      return tree;
    }
  }
  return tree->first <= last ? find_overlap(tree->right, first, last, after) : nullptr;
}

}  // namespace

void IntervalTree::insert(IntervalNode& node) {
  // SplitMix64: a priority per insertion keeps the expected depth logarithmic in any order.
  std::uint64_t mixed = (priority_state_ += 0x9E3779B97F4A7C15ull);
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBull;
  node.priority = mixed ^ (mixed >> 31);
  node.left = node.right = nullptr;
  root_ = insert_below(root_, node);
}

void IntervalTree::erase(IntervalNode& node) {
  root_ = erase_below(root_, node);
  node.left = node.right = nullptr;
}

IntervalNode* IntervalTree::first_overlap(std::uintptr_t first, std::uintptr_t last) const {
  return find_overlap(root_, first, last, nullptr);
}

IntervalNode* IntervalTree::next_overlap(const IntervalNode& previous, std::uintptr_t first,
                                         std::uintptr_t last) const {
  return find_overlap(root_, first, last, &previous);
}

}  // namespace softgpu
