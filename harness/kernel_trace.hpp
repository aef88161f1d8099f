// SPDX-License-Identifier: MIT
// Kprobes on the functions of kernel_probe.hpp, in a tracefs instance of our own: nobody else's
// tracing is touched. Needs root and CONFIG_KPROBE_EVENTS.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "file_descriptor.hpp"
#include "kernel_probe.hpp"

namespace notifier {

/// Where tracefs is: /sys/kernel/tracing, and mounts it there where it is not yet. Throws
/// std::runtime_error with what to do.
std::filesystem::path find_tracefs();

/// The probes. The parent process owns them, so that they go whatever becomes of a worker.
class KernelProbes {
 public:
  /// Sets probes on the functions of `platform` that this kernel has, and removes what processes
  /// that died left. Throws std::runtime_error when not one can be set, with the reason.
  KernelProbes(std::filesystem::path tracefs, std::string_view platform);
  ~KernelProbes();
  KernelProbes(const KernelProbes&) = delete;
  KernelProbes& operator=(const KernelProbes&) = delete;

  const std::filesystem::path& instance() const { return instance_; }
  const std::vector<std::string>& functions() const { return functions_; }
  /// "svm_range_evict: No such file or directory", one for each that could not be probed.
  const std::vector<std::string>& absent() const { return absent_; }
  /// Exits that the kernel could not watch since too many calls were under way (kprobe_profile).
  std::uint64_t missed() const;

 private:
  void probe(std::string_view function);

  std::filesystem::path tracefs_;
  std::string group_;
  std::filesystem::path instance_;
  std::vector<std::string> functions_;
  std::vector<std::string> absent_;
};

/// For the manifest: functions that are watched, those that are not and why, and missed exits.
nlohmann::json to_json(const KernelProbes& probes);

/// What the probes saw, for the worker whose events they are to explain.
class KernelTraceReader {
 public:
  /// Throws std::system_error when the trace cannot be opened; only one reader may be.
  explicit KernelTraceReader(const std::filesystem::path& instance);

  struct Window {
    std::vector<KernelSpan> spans;
    std::uint64_t lost = 0;  // events that a full buffer dropped
  };
  /// The calls that have ended since the last time.
  Window read();

 private:
  FileDescriptor pipe_;
  KernelSpanPairing pairing_;
  std::string rest_;  // of a line that is not whole yet
};

}  // namespace notifier
