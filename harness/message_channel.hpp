// SPDX-License-Identifier: MIT
// Messages between the parent process and a worker: one JSON object per line over a socket.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "harness/file_descriptor.hpp"

namespace notifier {

class MessageChannel {
 public:
  explicit MessageChannel(FileDescriptor descriptor) : descriptor_(std::move(descriptor)) {}

  /// Sends the whole message. False when the other side is gone.
  bool send(const nlohmann::json& message);

  enum class Receipt { kMessage, kTimeout, kClosed, kMalformed };
  /// Waits at most `timeout_ms` (-1: for ever) for the next message. EINTR counts as a time-out.
  Receipt receive(nlohmann::json& message, int timeout_ms);

  /// The bytes of the last malformed line, for the error message.
  const std::string& malformed_line() const { return malformed_; }
  int descriptor() const { return descriptor_.get(); }

 private:
  bool take_line(nlohmann::json& message, Receipt& receipt);

  FileDescriptor descriptor_;
  std::string buffer_;
  std::string malformed_;
};

}  // namespace notifier
