// SPDX-License-Identifier: MIT
#include "harness/pin/held_file_server.hpp"

#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "harness/pin/held_file.hpp"

namespace notifier::pin {
namespace {

constexpr const char* kFile = "/tmp/notifier_pin";  // on a tmpfs that only the server sees
constexpr std::uint64_t kFileBytes = 64 << 20;
constexpr std::uint64_t kForeverS = 1 << 30;

void write_text(const char* path, const char* text) {
  const FileDescriptor file(open(path, O_WRONLY | O_CLOEXEC));
  if (file.valid() && ::write(file.get(), text, std::strlen(text)) < 0) return;
}

/// Mounts of our own: as root in a mount namespace, else in a user namespace too.
bool enter_namespace() {
  const uid_t user = getuid();
  const gid_t group = getgid();
  if (geteuid() == 0) {
    if (unshare(CLONE_NEWNS) != 0) return false;
  } else {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::array<char, 64> map{};
    write_text("/proc/self/setgroups", "deny");
    // As root of that namespace: a FUSE root inode belongs to user 0 before its first GETATTR.
    std::snprintf(map.data(), map.size(), "0 %u 1", user);
    write_text("/proc/self/uid_map", map.data());
    std::snprintf(map.data(), map.size(), "0 %u 1", group);
    write_text("/proc/self/gid_map", map.data());
  }
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// The open /dev/fuse of a file system that is one regular file.
std::optional<int> mount_file() {
  if (!enter_namespace()) return std::nullopt;
  // In the user namespace that mounts it, or mount() refuses (fs/fuse/inode.c fuse_get_tree).
  const int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) return std::nullopt;
  if (mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) != 0) return std::nullopt;
  const int point = open(kFile, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (point < 0) return std::nullopt;
  ::close(point);
  std::array<char, 128> options{};
  std::snprintf(options.data(), options.size(), "fd=%d,rootmode=100600,user_id=%u,group_id=%u",
                device, getuid(), getgid());
  if (mount("notifier_pin", kFile, "fuse", MS_NOSUID | MS_NODEV, options.data()) != 0) {
    return std::nullopt;
  }
  return device;
}

/// A loop device on the file, opened with O_DIRECT, or -1. It goes when nobody has it open.
int open_loop(int file) {
  const FileDescriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  for (int attempt = 0; control.valid() && attempt < 8; ++attempt) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return -1;
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/dev/loop%d", number);
    FileDescriptor device(open(path.data(), O_RDWR | O_DIRECT | O_CLOEXEC));
    if (!device.valid()) return -1;
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file);
    config.block_size = 4096;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) {
      return fcntl(device.get(), F_DUPFD_CLOEXEC, 0);
    }
    if (errno != EBUSY) return -1;  // EBUSY: another process took that number
  }
  return -1;
}

void send_descriptors(int socket, const HeldMessage& message, int file, int loop) {
  HeldMessage copy = message;
  iovec part{&copy, sizeof(copy)};
  const std::array<int, 2> numbers{file, loop};
  const std::size_t bytes = (loop >= 0 ? 2 : 1) * sizeof(int);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (file >= 0) {
    header.msg_control = room.data();
    header.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(control), numbers.data(), bytes);
  }
  sendmsg(socket, &header, MSG_NOSIGNAL);
}

/// Opens what the client uses; a process of its own, since the server has to answer meanwhile.
[[noreturn]] void open_for_client(int socket) {
  const int file = open(kFile, O_RDWR | O_DIRECT | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || fstat(file, &status) != 0) {  // fstat: makes the kernel learn the size
    send_descriptors(socket, {kReady, errno, 1}, -1, -1);
    _exit(1);
  }
  // The first close learns that there is no FUSE_FLUSH here; later ones, of forked children too,
  // send nothing that would meet a held transfer.
  ::close(dup(file));
  send_descriptors(socket, {kReady, 0, 0}, file, geteuid() == 0 ? open_loop(file) : -1);
  _exit(0);
}

class Server {
 public:
  Server(int socket, int device, std::byte* data)
      : socket_(socket), device_(device), data_(data), request_(kHeldBytes + kPageRoom) {}

  void run() {
    while (true) {
      // A write's data are copied from the sender's pages when its request is read, so a held write
      // stays unread.
      const bool leave_unread = holds_ == kHoldWrite && in_flight_;
      std::array<pollfd, 2> ready{pollfd{socket_, POLLIN, 0}, pollfd{device_, POLLIN, 0}};
      if (leave_unread) ready[1].fd = -1;
      if (poll(ready.data(), ready.size(), -1) < 0) return;
      if (ready[1].revents != 0) {
        if (holds_ == kHoldWrite) {
          in_flight_ = true;
          tell(kInFlight);
        } else if (!serve_request()) {
          return;
        }
      }
      if (ready[0].revents != 0 && !obey()) return;
    }
  }

 private:
  static constexpr std::size_t kPageRoom = 8192;

  void tell(char kind, int error = 0) {
    const HeldMessage message{kind, error, 0};
    if (::write(socket_, &message, sizeof(message)) < 0) _exit(1);
  }

  bool obey() {
    HeldMessage message;
    if (::read(socket_, &message, sizeof(message)) <= 0) return false;
    if (message.kind == kRelease) return release();
    holds_ = message.kind;
    held_offset_ = message.offset;
    in_flight_ = false;
    tell(kArmed);
    return true;
  }

  bool release() {
    const char held = holds_;
    holds_ = 0;
    if (held == kHoldRead) {
      reply(held_request_, data_, held_bytes_);
      tell(kReleased);
      return true;
    }
    carried_ = false;
    if (!serve_request()) return false;
    const auto* header = reinterpret_cast<const fuse_in_header*>(request_.data());
    tell(carried_ ? kReleased : kUnexpected, static_cast<int>(header->opcode));
    return true;
  }

  void reply(std::uint64_t request, const void* body, std::size_t bytes, int error = 0) {
    fuse_out_header header{};
    header.len = static_cast<std::uint32_t>(sizeof(header) + bytes);
    header.error = -error;
    header.unique = request;
    const std::array<iovec, 2> parts{iovec{&header, sizeof(header)},
                                     iovec{const_cast<void*>(body), bytes}};
    // ENOENT: the request was interrupted meanwhile; nobody waits for the answer.
    if (writev(device_, parts.data(), bytes == 0 ? 1 : 2) < 0 && errno != ENOENT) _exit(1);
  }

  template <typename Body>
  void reply(std::uint64_t request, const Body& body) {
    reply(request, &body, sizeof(body));
  }

  /// Answers the next request. False when the file system is gone.
  bool serve_request() {
    const ssize_t count = ::read(device_, request_.data(), request_.size());
    if (count < 0) return errno == EINTR || errno == EAGAIN || errno == ENOENT;
    const auto* header = reinterpret_cast<const fuse_in_header*>(request_.data());
    const void* body = header + 1;
    switch (header->opcode) {
      case FUSE_INIT:
        reply(header->unique, initial_answer(static_cast<const fuse_init_in*>(body)));
        return true;
      case FUSE_GETATTR:
        reply(header->unique, attributes());
        return true;
      case FUSE_OPEN: {
        fuse_open_out answer{};
        answer.open_flags = FOPEN_DIRECT_IO;  // no page cache between the client's pages and us
        reply(header->unique, answer);
        return true;
      }
      case FUSE_READ:
        serve_read(header->unique, *static_cast<const fuse_read_in*>(body));
        return true;
      case FUSE_WRITE:
        serve_write(header->unique, *static_cast<const fuse_write_in*>(body));
        return true;
      case FUSE_RELEASE:
      case FUSE_FSYNC:
        reply(header->unique, nullptr, 0);
        return true;
      case FUSE_FORGET:
      case FUSE_INTERRUPT:
        return true;
      default:
        reply(header->unique, nullptr, 0, ENOSYS);
        return header->opcode != FUSE_DESTROY;
    }
  }

  static fuse_init_out initial_answer(const fuse_init_in* offer) {
    fuse_init_out answer{};
    answer.major = FUSE_KERNEL_VERSION;
    answer.minor = std::min<std::uint32_t>(offer->minor, 31);
    answer.max_readahead = offer->max_readahead;
    // Without ASYNC_DIO io_submit would wait for the transfer that it submits.
    answer.flags = FUSE_ASYNC_READ | FUSE_ASYNC_DIO | FUSE_BIG_WRITES;
    answer.max_background = 16;
    answer.max_write = kHeldBytes;
    return answer;
  }

  static fuse_attr_out attributes() {
    fuse_attr_out answer{};
    answer.attr_valid = kForeverS;
    answer.attr.ino = FUSE_ROOT_ID;
    answer.attr.size = kFileBytes;
    answer.attr.mode = S_IFREG | 0600;
    answer.attr.nlink = 1;
    answer.attr.uid = getuid();
    answer.attr.gid = getgid();
    answer.attr.blksize = 4096;
    return answer;
  }

  void serve_read(std::uint64_t request, const fuse_read_in& wanted) {
    if (holds_ == kHoldRead && static_cast<off_t>(wanted.offset) == held_offset_) {
      held_request_ = request;
      held_bytes_ = wanted.size;
      tell(kInFlight);
      return;
    }
    const std::vector<std::byte> zeros(wanted.size);
    reply(request, zeros.data(), zeros.size());
  }

  void serve_write(std::uint64_t request, const fuse_write_in& given) {
    if (static_cast<off_t>(given.offset) == held_offset_) {
      std::memcpy(data_, &given + 1, std::min<std::size_t>(given.size, kHeldBytes));
      carried_ = true;
    }
    fuse_write_out answer{};
    answer.size = given.size;
    reply(request, answer);
  }

  int socket_;
  int device_;
  std::byte* data_;
  std::vector<std::byte> request_;
  char holds_ = 0;  // kHoldRead, kHoldWrite or nothing
  off_t held_offset_ = 0;
  bool in_flight_ = false;
  bool carried_ = false;
  std::uint64_t held_request_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace

void serve_held_file(int socket, std::byte* data) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The terminal's Ctrl-C goes to the whole group; the client ends us after its last transfer.
  signal(SIGINT, SIG_IGN);
  const std::optional<int> device = mount_file();
  if (!device) {
    send_descriptors(socket, {kReady, errno, 0}, -1, -1);
    _exit(1);
  }
  const pid_t opener = fork();
  if (opener == 0) {
    ::close(*device);  // or the file system would outlive the server
    open_for_client(socket);
  }
  Server(socket, *device, data).run();
  waitpid(opener, nullptr, WNOHANG);
  _exit(0);
}

}  // namespace notifier::pin
