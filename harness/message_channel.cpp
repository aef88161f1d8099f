// SPDX-License-Identifier: MIT
#include "harness/message_channel.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace notifier {

bool MessageChannel::send(const nlohmann::json& message) {
  // Reasons and paths come from outside: bytes that are no UTF-8 are replaced, not thrown over.
  const std::string line =
      message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t written =
        ::send(descriptor_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    sent += static_cast<std::size_t>(written);
  }
  return true;
}

bool MessageChannel::take_line(nlohmann::json& message, Receipt& receipt) {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return false;
  const std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  message = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) {
    malformed_ = line;
    receipt = Receipt::kMalformed;
  } else {
    receipt = Receipt::kMessage;
  }
  return true;
}

MessageChannel::Receipt MessageChannel::receive(nlohmann::json& message, int timeout_ms) {
  Receipt receipt = Receipt::kTimeout;
  while (!take_line(message, receipt)) {
    pollfd waited{descriptor_.get(), POLLIN, 0};
    const int ready = poll(&waited, 1, timeout_ms);
    if (ready <= 0) return Receipt::kTimeout;
    std::array<char, 65536> bytes;
    const ssize_t count = read(descriptor_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) return Receipt::kTimeout;
    if (count <= 0) return Receipt::kClosed;
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return receipt;
}

}  // namespace notifier
