// SPDX-License-Identifier: MIT
#include "harness/plain_session.hpp"

#include <sys/mman.h>

#include "analysis/flags.hpp"
#include "harness/clock_reader.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_proofs.hpp"

namespace notifier {

PlainSession::PlainSession(const CaseRequest& request)
    : request_(request), board_(ChildBoard::create()) {
  const std::int64_t before_ns = monotonic_raw_ns();
  buffer_ = allocate_buffer(request.wanted);
  findings_.register_ns = static_cast<double>(monotonic_raw_ns() - before_ns);
  fill();
  if (!request.bystanders.empty()) bystanders_ = std::make_unique<Bystanders>(request, nullptr);
}

PlainSession::~PlainSession() { munmap(board_, sizeof(ChildBoard)); }

/// As the workload's memory before its kernel starts.
void PlainSession::fill() {
  fill_with_host_records(reinterpret_cast<std::uint64_t*>(buffer_->host()), 0,
                         buffer_->size_bytes() / sizeof(std::uint64_t), 0, request_.seed);
}

analysis::SampleRow PlainSession::measure(const Perturbation& row) {
  analysis::SampleRow sample;
  if (!buffer_->backing_mismatch().empty()) analysis::add_flag(sample.flags, "backing_mismatch");
  EventContext event = whole_buffer_event(*buffer_, *board_, request_.seed);
  if (row.prepare != nullptr) row.prepare(event);
  prepare_proof(row, event);
  if (bystanders_) bystanders_->open();
  row.perform(event);
  if (bystanders_) bystanders_->close(sample);
  if (!happened(row, event)) analysis::add_flag(sample.flags, "unproven");
  if (row.finish != nullptr) row.finish(event);
  add_child_findings(board_->findings, row.name, findings_);
  sample.start_ns = event.enter_ns;
  sample[analysis::Metric::kSyscall] = static_cast<double>(event.leave_ns - event.enter_ns);
  sample[analysis::Metric::kFirstWrite] = event.first_write_ns;
  if (event.involuntary_switches > 0) analysis::add_flag(sample.flags, "lost_cpu");
  if (row.rebuilds) buffer_->rebuild();
  if (row.rebuilds || row.loss != Loss::kNothing) fill();
  return sample;
}

}  // namespace notifier
