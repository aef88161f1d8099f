// SPDX-License-Identifier: MIT
#include "driver_actions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace notifier {
namespace {

void append(std::string& text, const std::string& words) {
  if (!text.empty()) text += ' ';
  text += words;
}

}  // namespace

std::size_t DriverActions::slot(const DriverEvent& event) {
  return std::min<std::size_t>(event.trigger.value_or(kTriggers), kTriggers - 1);
}

void DriverActions::add(const DriverEvent& event) {
  switch (event.kind) {
    case DriverEventKind::kQueueEviction:
      ++evictions_[slot(event)];
      break;
    case DriverEventKind::kQueueRestore:
      ++(event.rescheduled ? rescheduled_ : restores_);
      break;
    case DriverEventKind::kUnmapFromGpu:
      ++unmaps_[slot(event)];
      break;
    case DriverEventKind::kMigrateStart:
      ++migrations_[slot(event)];
      break;
    case DriverEventKind::kPageFaultEnd:
      ++faults_;
      break;
    default:
      break;
  }
}

std::uint64_t DriverActions::evictions() const {
  return std::accumulate(evictions_.begin(), evictions_.end(), std::uint64_t{0});
}

std::string_view DriverActions::recovery_observed() const {
  if (evictions() > 0) return "preempt";
  return faults_ > 0 ? "retry_fault" : "none";
}

void DriverActions::describe(std::string& text, std::string_view verb, DriverEventKind kind,
                             const Counts& counts) {
  for (std::size_t trigger = 0; trigger < counts.size(); ++trigger) {
    if (counts[trigger] == 0) continue;
    const std::string_view name =
        driver_event_trigger_name(kind, static_cast<std::uint32_t>(trigger));
    append(text, fmt::format("{}_{}={}", verb, name.empty() ? "other" : name, counts[trigger]));
  }
}

std::string DriverActions::describe() const {
  std::string text;
  describe(text, "evict", DriverEventKind::kQueueEviction, evictions_);
  if (restores_ > 0) append(text, fmt::format("restore={}", restores_));
  if (rescheduled_ > 0) append(text, fmt::format("rescheduled={}", rescheduled_));
  describe(text, "unmap", DriverEventKind::kUnmapFromGpu, unmaps_);
  if (faults_ > 0) append(text, fmt::format("fault={}", faults_));
  describe(text, "migrate", DriverEventKind::kMigrateStart, migrations_);
  return text;
}

bool DriverActions::differs_from(std::string_view memory_path, std::string_view recovery) const {
  const bool faults_asked_for = recovery == "retry_fault";
  if (faults_ > 0 && !faults_asked_for) return true;
  // kfd_facts §0.4 to §0.6: a userptr BO evicts in either mode, an SVM range without XNACK only.
  std::uint64_t expected = 0;
  if (memory_path == "userptr_bo") {
    expected = evictions_[static_cast<std::size_t>(EvictionTrigger::kUserptr)];
  } else if (memory_path == "svm_range" && !faults_asked_for) {
    expected = evictions_[static_cast<std::size_t>(EvictionTrigger::kSvm)];
  }
  return evictions() != expected;
}

}  // namespace notifier
