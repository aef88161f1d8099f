// SPDX-License-Identifier: MIT
// The control without any device: the same calls on equal memory in a process that has not started
// HIP. Only the call's own time is left to measure.
#pragma once

#include <memory>

#include "analysis/schema.hpp"
#include "harness/buffer.hpp"
#include "harness/bystanders.hpp"
#include "harness/case_run.hpp"
#include "harness/case_session.hpp"
#include "harness/child_board.hpp"
#include "harness/perturbation.hpp"

namespace notifier {

class PlainSession {
 public:
  explicit PlainSession(const CaseRequest& request);
  ~PlainSession();
  PlainSession(const PlainSession&) = delete;
  PlainSession& operator=(const PlainSession&) = delete;

  const Buffer& buffer() const { return *buffer_; }
  analysis::SampleRow measure(const Perturbation& row);
  const CaseFindings& findings() const { return findings_; }
  /// Null when the case has none.
  const Bystanders* bystanders() const { return bystanders_.get(); }

 private:
  void fill();

  CaseRequest request_;
  std::unique_ptr<Buffer> buffer_;
  ChildBoard* board_;
  CaseFindings findings_;
  std::unique_ptr<Bystanders> bystanders_;  // of which only the timer thread needs no device
};

}  // namespace notifier
