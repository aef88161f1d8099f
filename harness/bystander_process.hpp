// SPDX-License-Identifier: MIT
// A second process with its own device context, and how a worker talks to it: over a socket that
// their common parent has made, since a process of the software GPU may not start another one.
#pragma once

#include <sys/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/bystander_work.hpp"
#include "harness/message_channel.hpp"

namespace notifier {

/// Environment variable that names the worker's end of the socket.
inline constexpr const char* kBystanderSocketVariable = "NOTIFIER_BYSTANDER_SOCKET";
/// Set (to anything) in the environment of a worker that is to have such a process beside it.
inline constexpr const char* kWithBystanderVariable = "NOTIFIER_WITH_BYSTANDER";

/// The worker's view. Each call waits for the answer and throws std::runtime_error when the process
/// has failed or is gone.
class BystanderProcess {
 public:
  /// That of this process; null when it has none.
  static BystanderProcess* instance();

  explicit BystanderProcess(MessageChannel channel) : channel_(std::move(channel)) {}

  /// Its kernel runs when this returns. `patience` is also that of the calls that follow.
  void start(const BystanderOptions& options);
  void open();
  BystanderReading close();
  BystanderFindings stop();
  pid_t pid() const { return pid_; }

 private:
  nlohmann::json ask(const nlohmann::json& question);
  nlohmann::json receive();

  MessageChannel channel_;
  std::chrono::milliseconds patience_{60'000};  // until start() says otherwise
  bool greeted_ = false;
  pid_t pid_ = 0;
};

/// The other side: a worker that has found its device answers such a message.
class BystanderServer {
 public:
  nlohmann::json answer(const nlohmann::json& question, const DeviceInfo& device,
                        DriverEventListener* driver_events);

 private:
  std::unique_ptr<BystanderWork> work_;
};

}  // namespace notifier
