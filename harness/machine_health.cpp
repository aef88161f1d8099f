// SPDX-License-Identifier: MIT
#include "machine_health.hpp"

#include <fmt/format.h>

namespace notifier {
namespace {

constexpr char kTaintFile[] = "/proc/sys/kernel/tainted";

std::optional<std::uint64_t> read_taint(const SystemView& view) {
  const auto value = parse_integer(view.read(kTaintFile).text.value_or(""));
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

}  // namespace

std::string taint_letters(std::uint64_t mask) {
  constexpr std::string_view kLetters = "PFSRMBUDAWCIOELKXTN";  // bit 0 upwards
  std::string letters;
  for (std::size_t bit = 0; bit < kLetters.size(); ++bit) {
    if (mask >> bit & 1) letters += kLetters[bit];
  }
  if (mask >> kLetters.size() != 0) letters += '?';
  return letters;
}

MachineHealth::MachineHealth(const SystemView& view) : view_(view), taint_(read_taint(view)) {
  KernelLog::Opened opened = KernelLog::open(view);
  log_ = std::move(opened.log);
  if (!log_) blind_spots_.push_back("kernel log: " + opened.reason);
  if (!taint_) blind_spots_.push_back(std::string("kernel taint: cannot read ") + kTaintFile);
}

void MachineHealth::check_taint(std::vector<HealthFinding>& findings) {
  const std::optional<std::uint64_t> taint = read_taint(view_);
  if (!taint || !taint_) return;
  const std::uint64_t added = *taint & ~*taint_;
  taint_ = taint;
  if (added == 0) return;
  findings.push_back({.stops_run = true,
                      .what = "new kernel taint " + taint_letters(added),
                      .text = fmt::format("{} is now {}", kTaintFile, *taint),
                      .way_out = "see the kernel log, reboot"});
}

std::vector<HealthFinding> MachineHealth::check() {
  std::vector<HealthFinding> findings;
  if (log_) {
    for (const KernelMessage& message : log_->read_new()) {
      const LogSignature* signature = match_signature(message.text);
      if (signature == nullptr) continue;
      findings.push_back({.stops_run = signature->stops_run,
                          .what = std::string(to_string(signature->kind)),
                          .text = message.text,
                          .way_out = std::string(signature->way_out)});
    }
  }
  check_taint(findings);
  return findings;
}

}  // namespace notifier
