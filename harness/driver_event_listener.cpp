// SPDX-License-Identifier: MIT
#include "driver_event_listener.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <hsakmt.h>
#include <linux/kfd_ioctl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace notifier {
namespace {

// Declared by the hsakmt.h of ROCm 5.3.0 and later, not by Debian 12's (kfd_facts §5).
using OpenSmiFunction = HSAKMT_STATUS (*)(HSAuint32 node_id, int* descriptor);

// Queue, fault and migration events exist since KFD 1.10 (Linux 6.0).
constexpr std::uint32_t kFirstMajor = 1;
constexpr std::uint32_t kFirstMinor = 10;

constexpr std::size_t kReservedEvents = 8192;

std::string error_text(int error) { return std::generic_category().message(error); }

struct OpenedDescriptor {
  FileDescriptor descriptor{};
  std::string source{};
  std::string reason{};
};

OpenedDescriptor open_through_thunk(OpenSmiFunction open_smi, std::uint32_t node_id) {
  int descriptor = -1;
  const HSAKMT_STATUS status = open_smi(node_id, &descriptor);
  if (status != HSAKMT_STATUS_SUCCESS || descriptor < 0) {
    return {.reason = fmt::format("hsaKmtOpenSMI(node {}) failed with status {}", node_id,
                                  static_cast<int>(status))};
  }
  return {.descriptor = FileDescriptor(descriptor), .source = "hsaKmtOpenSMI"};
}

OpenedDescriptor open_through_ioctl(const DriverEventOptions& options) {
  const FileDescriptor kfd(::open(options.kfd_device.c_str(), O_RDWR | O_CLOEXEC));
  if (!kfd.valid()) {
    return {.reason = fmt::format("cannot open {}: {}", options.kfd_device, error_text(errno))};
  }
  kfd_ioctl_get_version_args version{};
  if (::ioctl(kfd.get(), AMDKFD_IOC_GET_VERSION, &version) != 0) {
    return {.reason = fmt::format("AMDKFD_IOC_GET_VERSION failed: {}", error_text(errno))};
  }
  const bool new_enough =
      version.major_version > kFirstMajor ||
      (version.major_version == kFirstMajor && version.minor_version >= kFirstMinor);
  if (!new_enough) {
    return {.reason = fmt::format("KFD {}.{} has no queue events; {}.{} (Linux 6.0) or newer does",
                                  version.major_version, version.minor_version, kFirstMajor,
                                  kFirstMinor)};
  }
  kfd_ioctl_smi_events_args arguments{.gpuid = options.gpu_id, .anon_fd = 0};
  if (::ioctl(kfd.get(), AMDKFD_IOC_SMI_EVENTS, &arguments) != 0) {
    return {.reason = fmt::format("AMDKFD_IOC_SMI_EVENTS(gpu_id {}) failed: {}", options.gpu_id,
                                  error_text(errno))};
  }
  return {.descriptor = FileDescriptor(static_cast<int>(arguments.anon_fd)), .source = "ioctl"};
}

OpenedDescriptor open_descriptor(const DriverEventOptions& options) {
  void* symbol = ::dlsym(RTLD_DEFAULT, "hsaKmtOpenSMI");
  if (symbol == nullptr) return open_through_ioctl(options);
  OpenedDescriptor by_thunk =
      open_through_thunk(reinterpret_cast<OpenSmiFunction>(symbol), options.node_id);
  if (by_thunk.descriptor.valid()) return by_thunk;
  // A second copy of the thunk may not know the device (kfd_facts §0.23).
  OpenedDescriptor by_ioctl = open_through_ioctl(options);
  if (!by_ioctl.descriptor.valid()) by_ioctl.reason = by_thunk.reason + "; " + by_ioctl.reason;
  return by_ioctl;
}

// KFD sends these to the clients of the process they concern, the others to everybody.
bool sent_to_own_process_only(DriverEventKind kind) {
  switch (kind) {
    case DriverEventKind::kMigrateStart:
    case DriverEventKind::kMigrateEnd:
    case DriverEventKind::kPageFaultStart:
    case DriverEventKind::kPageFaultEnd:
    case DriverEventKind::kQueueEviction:
    case DriverEventKind::kQueueRestore:
    case DriverEventKind::kUnmapFromGpu:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::uint64_t all_event_ids_mask() {
  // ALL_PROCESS asks for other processes' events too, and without CAP_SYS_ADMIN gives none at all
  // (kfd_ioctl.h).
  return ~KFD_SMI_EVENT_MASK_FROM_INDEX(KFD_SMI_EVENT_ALL_PROCESS);
}

DriverEventListener::Opened DriverEventListener::open(const DriverEventOptions& options) {
  OpenedDescriptor opened = open_descriptor(options);
  if (!opened.descriptor.valid()) return {.listener = nullptr, .reason = opened.reason};
  const std::uint64_t mask = all_event_ids_mask();
  if (::write(opened.descriptor.get(), &mask, sizeof mask) != sizeof mask) {
    return {.listener = nullptr,
            .reason = fmt::format("cannot set the event mask: {}", error_text(errno))};
  }
  std::unique_ptr<DriverEventListener> listener(
      new DriverEventListener(std::move(opened.descriptor), options, opened.source));
  std::string reason = listener->start();
  if (!reason.empty()) listener.reset();
  return {.listener = std::move(listener), .reason = std::move(reason)};
}

DriverEventListener::Opened DriverEventListener::adopt(FileDescriptor descriptor,
                                                       const DriverEventOptions& options) {
  std::unique_ptr<DriverEventListener> listener(
      new DriverEventListener(std::move(descriptor), options, "adopted"));
  std::string reason = listener->start();
  if (!reason.empty()) listener.reset();
  return {.listener = std::move(listener), .reason = std::move(reason)};
}

DriverEventListener::DriverEventListener(FileDescriptor descriptor,
                                         const DriverEventOptions& options, std::string source)
    : options_(options), source_(std::move(source)), descriptor_(std::move(descriptor)) {
  if (options.pid_filter == PidFilter::kGiven) known_pid_ = options.own_pid;
  // Touched now, so that collecting neither allocates nor faults on fresh pages.
  parsed_.resize(kReservedEvents / 8);
  parsed_.clear();
  events_.resize(kReservedEvents);
  events_.clear();
}

std::string DriverEventListener::start() {
  // KFD's read never blocks; a softgpu descriptor must be told.
  const int flags = ::fcntl(descriptor_.get(), F_GETFL);
  if (flags < 0 || ::fcntl(descriptor_.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return fmt::format("cannot use the event descriptor: {}", error_text(errno));
  }
  ::fcntl(descriptor_.get(), F_SETFD, FD_CLOEXEC);
  stop_event_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  if (!stop_event_.valid()) return fmt::format("eventfd failed: {}", error_text(errno));
  // Signals belong to the threads of the harness.
  sigset_t all;
  sigset_t previous;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &previous);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  return {};
}

DriverEventListener::~DriverEventListener() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  // An eventfd write of 1 fails only at a counter of 2^64 - 2.
  [[maybe_unused]] const ssize_t written = ::write(stop_event_.get(), &one, sizeof one);
  thread_.join();
}

void DriverEventListener::run() {
  ::pthread_setname_np(::pthread_self(), "driver-events");
  std::array<pollfd, 2> waited{{{.fd = descriptor_.get(), .events = POLLIN, .revents = 0},
                                {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}}};
  while (true) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) {
      const std::lock_guard lock(mutex_);
      read_error_ = errno;
      return;
    }
    if (waited[1].revents != 0) return;
    if (waited[0].revents == 0) continue;
    const std::lock_guard lock(mutex_);
    if (!drain_locked()) return;
  }
}

bool DriverEventListener::drain_locked() {
  std::array<char, 8192> buffer;  // KFD_MAX_KFIFO_SIZE of 6.12 and later
  while (read_error_ == 0) {
    const ssize_t count = ::read(descriptor_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count <= 0) {
      read_error_ = count == 0 ? EPIPE : errno;
      break;
    }
    parsed_.clear();
    parser_.feed({buffer.data(), static_cast<std::size_t>(count)}, parsed_);
    for (const DriverEvent& event : parsed_) {
      if (is_foreign(event)) {
        ++foreign_;
        continue;
      }
      balance_.add(event);
      events_.push_back(event);
    }
  }
  return read_error_ == 0;
}

bool DriverEventListener::is_foreign(const DriverEvent& event) {
  if (options_.pid_filter == PidFilter::kNone || !event.pid) return false;
  const bool own_only = sent_to_own_process_only(event.kind);
  if (!known_pid_ && own_only) known_pid_ = event.pid;
  // Another process's fault or start is news about a shared GPU and stays.
  return own_only && known_pid_ != event.pid;
}

void DriverEventListener::drain_now() {
  const std::lock_guard lock(mutex_);
  drain_locked();
}

std::uint64_t DriverEventListener::cursor() const {
  const std::lock_guard lock(mutex_);
  return first_cursor_ + events_.size();
}

DriverEventListener::Batch DriverEventListener::events_since(std::uint64_t cursor) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t end = first_cursor_ + events_.size();
  const std::uint64_t begin = std::min(std::max(cursor, first_cursor_), end);
  Batch batch;
  batch.events.assign(events_.begin() + static_cast<std::ptrdiff_t>(begin - first_cursor_),
                      events_.end());
  batch.next_cursor = end;
  return batch;
}

void DriverEventListener::forget_before(std::uint64_t cursor) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t end = first_cursor_ + events_.size();
  const std::uint64_t begin = std::min(std::max(cursor, first_cursor_), end);
  events_.erase(events_.begin(),
                events_.begin() + static_cast<std::ptrdiff_t>(begin - first_cursor_));
  first_cursor_ = begin;
}

DriverEventListener::Counts DriverEventListener::counts() const {
  const std::lock_guard lock(mutex_);
  return {.events = first_cursor_ + events_.size(),
          .foreign = foreign_,
          .lines = parser_.counts(),
          .open_evictions = balance_.open_evictions(),
          .unpaired_restores = balance_.unpaired_restores(),
          .read_error = read_error_};
}

std::optional<std::int32_t> DriverEventListener::known_pid() const {
  const std::lock_guard lock(mutex_);
  return known_pid_;
}

}  // namespace notifier
