// SPDX-License-Identifier: MIT
// Collects the driver events of one device while the process works.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "driver_event.hpp"
#include "driver_event_pairing.hpp"
#include "driver_event_parser.hpp"
#include "file_descriptor.hpp"

namespace notifier {

// KFD sends an unprivileged client only the events of its own process, but writes the pid of the
// initial namespace, so that inside a container getpid() matches nothing (kfd_facts §5).
enum class PidFilter {
  kLearn,  // the first event that KFD sends to its own process only tells our pid as KFD sees it
  kGiven,  // Options::own_pid
  kNone,   // keep everything
};

struct DriverEventOptions {
  std::uint32_t node_id = 0;  // topology node, as hsaKmtOpenSMI takes it
  std::uint32_t gpu_id = 0;   // KFD's gpu_id, as the ioctl takes it
  std::string kfd_device = "/dev/kfd";
  PidFilter pid_filter = PidFilter::kLearn;
  std::int32_t own_pid = 0;
};

// A dedicated thread empties the descriptor, since the driver's FIFO (1 or 8 KiB) drops silently.
// All members may be called from any thread.
class DriverEventListener {
 public:
  struct Opened {
    std::unique_ptr<DriverEventListener> listener;
    std::string reason;  // why there is none
  };

  struct Counts {
    std::uint64_t events = 0;   // kept, since the start
    std::uint64_t foreign = 0;  // dropped by the pid filter
    DriverEventParser::Counts lines;
    std::uint64_t open_evictions = 0;
    std::uint64_t unpaired_restores = 0;
    int read_error = 0;  // errno that ended the thread, 0 while it runs
  };

  struct Batch {
    std::vector<DriverEvent> events;
    std::uint64_t next_cursor = 0;
  };

  /// Subscribes to all events of the node and starts the thread: hsaKmtOpenSMI where some loaded
  /// library has it (ROCm >= 5.3.0, softgpu), else the ioctl on a second open of /dev/kfd, which
  /// also keeps clear of a second copy of libhsakmt in the process.
  static Opened open(const DriverEventOptions& options);

  /// Takes a descriptor that gives such lines. Writes no mask.
  static Opened adopt(FileDescriptor descriptor, const DriverEventOptions& options);

  ~DriverEventListener();
  DriverEventListener(const DriverEventListener&) = delete;
  DriverEventListener& operator=(const DriverEventListener&) = delete;

  /// Reads, on the calling thread, all that the driver has written so far.
  void drain_now();

  /// Position behind the last event collected so far (drain first to include all of them).
  std::uint64_t cursor() const;

  /// Events from `cursor` on that have not been forgotten.
  Batch events_since(std::uint64_t cursor) const;

  /// Frees the memory of the events before `cursor`.
  void forget_before(std::uint64_t cursor);

  Counts counts() const;
  /// Our pid as the driver prints it, once known.
  std::optional<std::int32_t> known_pid() const;
  /// "hsaKmtOpenSMI", "ioctl" or "adopted".
  const std::string& source() const { return source_; }

 private:
  DriverEventListener(FileDescriptor descriptor, const DriverEventOptions& options,
                      std::string source);
  std::string start();
  void run();
  bool drain_locked();
  bool is_foreign(const DriverEvent& event);

  const DriverEventOptions options_;
  const std::string source_;
  FileDescriptor descriptor_;
  FileDescriptor stop_event_;

  mutable std::mutex mutex_;  // guards all below
  DriverEventParser parser_;
  std::vector<DriverEvent> parsed_;  // scratch of drain_locked
  std::vector<DriverEvent> events_;
  std::uint64_t first_cursor_ = 0;  // cursor of events_.front()
  std::uint64_t foreign_ = 0;
  EvictionBalance balance_;
  std::optional<std::int32_t> known_pid_;
  int read_error_ = 0;

  std::thread thread_;
};

/// Bit mask of all event ids except KFD_SMI_EVENT_ALL_PROCESS.
std::uint64_t all_event_ids_mask();

}  // namespace notifier
