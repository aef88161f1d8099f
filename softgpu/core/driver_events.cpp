// SPDX-License-Identifier: MIT
#include "softgpu/core/driver_events.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "softgpu/core/clock.hpp"

namespace softgpu {
namespace {

ino_t inode_of(int descriptor) {
  struct stat status {};
  return fstat(descriptor, &status) == 0 ? status.st_ino : 0;
}

long long boottime_ns() { return static_cast<long long>(read_clock_ns(CLOCK_BOOTTIME)); }

unsigned long page_number(std::uintptr_t address) { return address >> kPageShift; }

}  // namespace

int DriverEvents::open(std::uint32_t device) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return -errno;
  }
  // The socket accounts for more than a line's bytes; what it may hold must not end before the
  // FIFO.
  const int buffer_bytes = kFifoBytes * 64;
  setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
  const int watch = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
  int error = watch < 0 ? errno : EMFILE;
  if (watch >= 0) {
    const std::lock_guard lock(lock_);
    std::for_each(clients_.begin(), clients_.end(), close_if_abandoned);
    auto* unused = std::find_if(clients_.begin(), clients_.end(),
                                [](const Client& client) { return client.writer < 0; });
    if (unused != clients_.end()) {
      *unused = {.reader = ends[0],
                 .reader_watch = watch,
                 .writer = ends[1],
                 .inode = inode_of(ends[0]),
                 .mask = 0,
                 .device = device};
      return ends[0];
    }
  }
  for (const int descriptor : {ends[0], ends[1], watch}) {
    close(descriptor);
  }
  return -error;
}

void DriverEvents::close_if_abandoned(Client& client) {
  if (client.writer >= 0 && inode_of(client.reader) != client.inode) {
    close(client.reader_watch);
    close(client.writer);
    client = Client{};
  }
}

void DriverEvents::emit(std::uint32_t device, EventId id, const char* format, ...) {
  char line[192];
  int length = std::snprintf(line, sizeof(line), "%x ", static_cast<unsigned>(id));
  va_list arguments;
  va_start(arguments, format);
  length += std::vsnprintf(line + length, sizeof(line) - static_cast<std::size_t>(length), format,
                           arguments);
  va_end(arguments);
  line[length++] = '\n';
  const std::lock_guard lock(lock_);
  for (Client& client : clients_) {
    if (client.writer >= 0 && client.device == device) {
      deliver(client, id, line, static_cast<std::size_t>(length));
    }
  }
}

void DriverEvents::deliver(Client& client, EventId id, const char* line, std::size_t length) {
  std::uint64_t mask = 0;
  while (recv(client.writer, &mask, sizeof(mask), MSG_DONTWAIT) ==
         static_cast<ssize_t>(sizeof(mask))) {
    client.mask = mask;
  }
  if ((client.mask & (1ull << (static_cast<unsigned>(id) - 1))) == 0) {
    return;
  }
  int unread = 0;
  if (ioctl(client.reader_watch, SIOCINQ, &unread) != 0 ||
      static_cast<std::size_t>(unread) + length > kFifoBytes) {
    return;  // as KFD: a full FIFO drops the line and nobody is told
  }
  [[maybe_unused]] const ssize_t sent =
      send(client.writer, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void DriverEvents::queue_eviction(EvictionTrigger trigger) {
  for (std::uint32_t device = 0; device < devices_; ++device) {
    emit(device, EventId::kQueueEviction, "%lld -%d %x %d", boottime_ns(), getpid(), gpu_id(device),
         static_cast<int>(trigger));
  }
}

void DriverEvents::queue_restore(bool rescheduled) {
  for (std::uint32_t device = 0; device < devices_; ++device) {
    emit(device, EventId::kQueueRestore, "%lld -%d %x%s", boottime_ns(), getpid(), gpu_id(device),
         rescheduled ? " R" : "");
  }
}

void DriverEvents::unmap_from_gpu(std::uintptr_t address, std::uintptr_t size_bytes,
                                  UnmapTrigger trigger) {
  for (std::uint32_t device = 0; device < devices_; ++device) {
    emit(device, EventId::kUnmapFromGpu, "%lld -%d @%lx(%lx) %x %d", boottime_ns(), getpid(),
         page_number(address), page_number(size_bytes), gpu_id(device), static_cast<int>(trigger));
  }
}

void DriverEvents::page_fault_start(std::uint32_t device, std::uintptr_t address, Access access,
                                    std::uint64_t since_ns) {
  emit(device, EventId::kPageFaultStart, "%lld -%d @%lx(%x) %c", static_cast<long long>(since_ns),
       getpid(), page_number(address), gpu_id(device), access == Access::kWrite ? 'W' : 'R');
}

void DriverEvents::page_fault_end(std::uint32_t device, std::uintptr_t address, bool migrated) {
  emit(device, EventId::kPageFaultEnd, "%lld -%d @%lx(%x) %c", boottime_ns(), getpid(),
       page_number(address), gpu_id(device), migrated ? 'M' : 'U');
}

void DriverEvents::migrate_start(const Migration& migration) {
  emit(migration.device, EventId::kMigrateStart, "%lld -%d @%lx(%lx) %x->%x %x:%x %d",
       boottime_ns(), getpid(), page_number(migration.address), page_number(migration.size_bytes),
       migration.from_node, migration.to_node, migration.prefetch_node, migration.preferred_node,
       static_cast<int>(migration.trigger));
}

void DriverEvents::migrate_end(const Migration& migration, int error) {
  emit(migration.device, EventId::kMigrateEnd, "%lld -%d @%lx(%lx) %x->%x %d %d", boottime_ns(),
       getpid(), page_number(migration.address), page_number(migration.size_bytes),
       migration.from_node, migration.to_node, static_cast<int>(migration.trigger), -error);
}

void DriverEvents::lost_cpu(std::uint32_t device, std::uint32_t wave, std::uint64_t lost_ns) {
  emit(device, EventId::kLostCpu, "%lld -%d wave %u %lld", boottime_ns(), getpid(), wave,
       static_cast<long long>(lost_ns));
}

void DriverEvents::protocol_violation(std::uintptr_t address, ProtocolViolation kind) {
  emit(0, EventId::kProtocol, "%lld -%d @%lx %d", boottime_ns(), getpid(),
       static_cast<unsigned long>(address), static_cast<int>(kind));
}

void DriverEvents::missed(std::uintptr_t address, std::uint64_t pages) {
  emit(0, EventId::kMissed, "%lld -%d @%lx(%lx)", boottime_ns(), getpid(), page_number(address),
       static_cast<unsigned long>(pages));
}

void DriverEvents::device_fault(std::uint32_t device, std::uintptr_t address, Access access) {
  emit(device, EventId::kDeviceFault, "%lld -%d @%lx %c", boottime_ns(), getpid(),
       static_cast<unsigned long>(address), access == Access::kWrite ? 'W' : 'R');
}

void DriverEvents::stop_report(const StopTimes& times) {
  // Offsets from the eviction; -1 where unknown.
  const auto offset = [&](std::uint64_t time_ns) {
    return time_ns == 0 ? -1LL : static_cast<long long>(time_ns - times.evicted_ns);
  };
  emit(0, EventId::kStopReport, "%llu -%d %lld %lld %lld %lld %lld %lld",
       static_cast<unsigned long long>(times.evicted_ns), getpid(), offset(times.notified_ns),
       offset(times.restore_began_ns), offset(times.first_parked_ns), offset(times.last_parked_ns),
       offset(times.first_resumed_ns), offset(times.last_resumed_ns));
}

}  // namespace softgpu
