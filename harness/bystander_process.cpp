// SPDX-License-Identifier: MIT
#include "harness/bystander_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace notifier {
namespace {

using nlohmann::json;

constexpr const char* kType = "bystander";

json to_json(const BystanderOptions& options) {
  return {{"type", kType},
          {"do", "start"},
          {"recovery", static_cast<int>(options.recovery)},
          {"context", static_cast<int>(options.context)},
          {"seed", options.seed},
          {"patience_ms", options.patience.count()},
          {"lifetime_ms", options.lifetime.count()}};
}

BystanderOptions options_from_json(const json& question) {
  BystanderOptions options;
  options.recovery = static_cast<Recovery>(question.at("recovery").get<int>());
  options.context = static_cast<Context>(question.at("context").get<int>());
  options.seed = question.at("seed");
  options.patience = std::chrono::milliseconds(question.at("patience_ms").get<std::int64_t>());
  options.lifetime = std::chrono::milliseconds(question.at("lifetime_ms").get<std::int64_t>());
  return options;
}

json to_json(const BystanderFindings& findings) {
  return {{"type", kType},
          {"violations", findings.violations.counts},
          {"words_checked", findings.words_checked},
          {"kept", findings.kept}};
}

BystanderFindings findings_from_json(const json& answer) {
  BystanderFindings findings;
  answer.at("violations").get_to(findings.violations.counts);
  findings.words_checked = answer.at("words_checked");
  findings.kept = answer.at("kept").get<std::vector<std::string>>();
  return findings;
}

}  // namespace

BystanderProcess* BystanderProcess::instance() {
  static const std::unique_ptr<BystanderProcess> only = [] {
    std::unique_ptr<BystanderProcess> made;
    const char* socket = std::getenv(kBystanderSocketVariable);
    if (socket == nullptr) return made;
    const int descriptor = std::atoi(socket);
    unsetenv(kBystanderSocketVariable);  // what this process spawns has nothing to do with it
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    made = std::make_unique<BystanderProcess>(MessageChannel{FileDescriptor(descriptor)});
    return made;
  }();
  return only.get();
}

json BystanderProcess::receive() {
  json message;
  // Several short waits: a signal ends one early.
  constexpr int kPoll_ms = 200;
  for (std::chrono::milliseconds waited{0}; waited < patience_;
       waited += std::chrono::milliseconds(kPoll_ms)) {
    switch (channel_.receive(message, kPoll_ms)) {
      case MessageChannel::Receipt::kTimeout:
        continue;
      case MessageChannel::Receipt::kMessage:
        if (message.contains("reason")) {
          throw std::runtime_error("the bystander process: " +
                                   message.at("reason").get<std::string>());
        }
        return message;
      default:
        throw std::runtime_error("the bystander process has ended");
    }
  }
  throw std::runtime_error(
      fmt::format("the bystander process did not answer within {} ms", patience_.count()));
}

json BystanderProcess::ask(const json& question) {
  channel_.send(question);
  return receive();
}

void BystanderProcess::start(const BystanderOptions& options) {
  if (!greeted_) receive();  // tells of its device
  greeted_ = true;
  // Its own patience ends first, and it then says why.
  patience_ = 2 * options.patience;
  pid_ = ask(to_json(options)).at("pid");
}

void BystanderProcess::open() { ask({{"type", kType}, {"do", "open"}}); }

BystanderReading BystanderProcess::close() {
  const json answer = ask({{"type", kType}, {"do", "close"}});
  BystanderReading reading;
  reading.stall_ns = answer.at("stall_ns");
  if (answer.contains("evictions")) reading.evictions = answer.at("evictions");
  return reading;
}

BystanderFindings BystanderProcess::stop() {
  return findings_from_json(ask({{"type", kType}, {"do", "stop"}}));
}

json BystanderServer::answer(const json& question, const DeviceInfo& device,
                             DriverEventListener* driver_events) {
  const std::string wanted = question.at("do");
  if (wanted == "start") {
    work_ = std::make_unique<BystanderWork>(0, device, options_from_json(question), driver_events);
    work_->launch();
    return {{"type", kType}, {"pid", getpid()}};
  }
  if (work_ == nullptr) throw std::logic_error("asked before its start");
  if (wanted == "open") {
    work_->open();
    return {{"type", kType}};
  }
  if (wanted == "close") {
    const BystanderReading reading = work_->close();
    json answer{{"type", kType}, {"stall_ns", reading.stall_ns}};
    if (reading.evictions) answer["evictions"] = *reading.evictions;
    return answer;
  }
  work_->stop();
  const json answer = to_json(work_->findings());
  work_.reset();
  return answer;
}

}  // namespace notifier
