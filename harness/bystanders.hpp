// SPDX-License-Identifier: MIT
// All bystanders of a session: what each of them paid is part of the event's sample.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "analysis/schema.hpp"
#include "harness/bystander_process.hpp"
#include "harness/bystander_work.hpp"
#include "harness/case_run.hpp"
#include "harness/timer_thread.hpp"

namespace notifier {

class Bystanders {
 public:
  /// Allocates for those that the request names and that are there; launches nothing yet. A null
  /// `device` leaves the timer thread alone.
  Bystanders(const CaseRequest& request, const DeviceInfo* device);
  /// Everything has to stand still: stop() first where another kernel may still run.
  ~Bystanders();
  Bystanders(const Bystanders&) = delete;
  Bystanders& operator=(const Bystanders&) = delete;

  void launch();
  void open();
  void close(analysis::SampleRow& sample);
  /// Ends the kernels and adds what they found in their own data.
  void stop(BystanderFindings& findings);

  /// Each one that was asked for: what it is here, or "none" and why.
  const std::map<std::string, std::string>& descriptions() const { return descriptions_; }

 private:
  void add_device(const BystanderOptions& options);
  void add_process();
  std::string& description(Bystander which) { return descriptions_[std::string(to_string(which))]; }

  BystanderOptions options_;
  std::map<std::string, std::string> descriptions_;
  std::unique_ptr<TimerThread> timer_;
  std::unique_ptr<BystanderWork> queue_;
  DeviceInfo second_;
  std::unique_ptr<DriverEventListener> second_events_;
  std::unique_ptr<BystanderWork> device_;
  BystanderProcess* process_ = nullptr;
  bool process_runs_ = false;
};

}  // namespace notifier
