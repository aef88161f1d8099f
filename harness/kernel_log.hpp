// SPDX-License-Identifier: MIT
// What the kernel logs while a case runs, and which of it means that the run has to stop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file_descriptor.hpp"
#include "system_view.hpp"

namespace notifier {

struct KernelMessage {
  std::uint64_t sequence = 0;
  std::int64_t time_us = 0;  // since boot, CLOCK_MONOTONIC-like local_clock()
  std::uint32_t level = 0;   // 0 emergency ... 7 debug
  std::string text;
};

enum class HazardKind {
  kGpuReset,      // the GPU was or has to be reset
  kPreemption,    // queues could not be taken off the GPU
  kMemoryFault,   // the GPU touched memory that it may not
  kRestoreLoop,   // restore work that spins
  kVitalBuffer,   // memory that queues need was unmapped
  kMemoryLimit,   // KFD refused to map for lack of memory
  kKernelDefect,  // BUG, WARNING, lockup, hung task
};

std::string_view to_string(HazardKind kind);

// A line that a hazard leaves in the log.
struct LogSignature {
  std::string_view text;      // part of the message
  std::string_view and_text;  // which the message has to hold too; may be empty
  HazardKind kind;
  bool stops_run;
  std::string_view source;  // where the kernel prints it
  std::string_view way_out;
};

/// All signatures. docs/hardware.md lists them.
std::span<const LogSignature> log_signatures();

/// The first signature that `text` matches, or null.
const LogSignature* match_signature(std::string_view text);

// A reader of /dev/kmsg that begins at the present end of the log.
class KernelLog {
 public:
  struct Opened {
    std::unique_ptr<KernelLog> log;
    std::string reason;  // why the log cannot be read (usually kernel.dmesg_restrict)
  };
  static Opened open(const SystemView& view);

  /// Messages since the last call.
  std::vector<KernelMessage> read_new();
  /// Messages that the kernel overwrote before they were read.
  std::uint64_t overwritten() const { return overwritten_; }

 private:
  explicit KernelLog(FileDescriptor descriptor) : descriptor_(std::move(descriptor)) {}

  FileDescriptor descriptor_;
  std::string partial_;
  std::optional<std::uint64_t> last_sequence_;
  std::uint64_t overwritten_ = 0;
};

/// A record of /dev/kmsg ("6,1234,5678,-;text", Documentation/ABI/testing/dev-kmsg).
std::optional<KernelMessage> parse_kernel_message(std::string_view record);

}  // namespace notifier
