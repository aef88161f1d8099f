// SPDX-License-Identifier: MIT
#include "harness/pin/held_file.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "harness/pin/error.hpp"
#include "harness/pin/held_file_server.hpp"
#include "harness/pin/page_frames.hpp"

namespace notifier::pin {
namespace {

// Against a hang only: the server answers within microseconds.
constexpr int kPatienceMs = 10'000;
constexpr off_t kFirstOffset = 1 << 20;
constexpr off_t kLastOffset = 32 << 20;

struct Received {
  HeldMessage message;
  std::array<FileDescriptor, 2> descriptors;
};

Received receive(int socket) {
  pollfd ready{socket, POLLIN, 0};
  if (poll(&ready, 1, kPatienceMs) != 1) {
    throw std::runtime_error("the FUSE server does not answer");
  }
  Received received;
  iovec part{&received.message, sizeof(received.message)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.data();
  header.msg_controllen = room.size();
  if (recvmsg(socket, &header, MSG_CMSG_CLOEXEC) <= 0) {
    throw std::runtime_error("the FUSE server has ended");
  }
  const cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (control == nullptr) return received;
  std::array<int, 2> numbers{-1, -1};
  std::memcpy(numbers.data(), CMSG_DATA(control), control->cmsg_len - CMSG_LEN(0));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    received.descriptors[i] = FileDescriptor(numbers[i]);
  }
  return received;
}

}  // namespace

std::unique_ptr<HeldFile> HeldFile::start() {
  std::unique_ptr<HeldFile> held(new HeldFile);
  void* data = mmap(nullptr, kHeldBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  throw_if(data == MAP_FAILED, "mmap of the transfer buffer");
  held->data_ = static_cast<std::byte*>(data);
  std::array<int, 2> ends{};
  throw_if(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0, "socketpair");
  held->socket_ = FileDescriptor(ends[0]);
  FileDescriptor other(ends[1]);
  held->server_ = fork();
  throw_if(held->server_ < 0, "fork of the FUSE server");
  if (held->server_ == 0) {
    ::close(ends[0]);
    serve_held_file(ends[1], held->data_);
  }
  other.reset();
  Received first = receive(ends[0]);
  if (first.message.error != 0) {
    throw CannotRun(fmt::format(
        "no file whose transfers can be held: {}: {} (needs FUSE, /dev/fuse and the "
        "right to mount, as root or in a user namespace)",
        first.message.offset == 0 ? "mounting" : "opening it", std::strerror(first.message.error)));
  }
  held->file_ = std::move(first.descriptors[0]);
  held->loop_ = std::move(first.descriptors[1]);
  held->next_offset_ = kFirstOffset;
  held->warm_up();
  return held;
}

HeldFile& HeldFile::shared() {
  static std::string reason;
  static const std::unique_ptr<HeldFile> held = []() -> std::unique_ptr<HeldFile> {
    try {
      return start();
    } catch (const CannotRun& error) {
      reason = error.what();
      return nullptr;
    }
  }();
  if (held == nullptr) throw CannotRun(reason);
  return *held;
}

// The first write asks for the extended attribute security.capability (file_remove_privs); nothing
// but the announced transfer may reach the server later.
void HeldFile::warm_up() {
  void* page = aligned_alloc(kPageBytes, kPageBytes);
  std::memset(page, 0, kPageBytes);
  const bool moved = pwrite(descriptor(), page, kPageBytes, 0) == kPageBytes &&
                     pread(descriptor(), page, kPageBytes, 0) == kPageBytes;
  free(page);
  throw_if(!moved, "first transfer of the held file");
}

HeldFile::~HeldFile() {
  // The loop device lets go of the file first, or the server would have gone before its last close.
  loop_.reset();
  file_.reset();
  socket_.reset();
  if (server_ > 0) {
    while (waitpid(server_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (data_ != nullptr) munmap(data_, kHeldBytes);
}

void HeldFile::send(char command, off_t offset) {
  const HeldMessage message{command, 0, offset};
  throw_if(::write(socket_.get(), &message, sizeof(message)) < 0, "message to the FUSE server");
}

void HeldFile::expect(char answer) {
  const Received received = receive(socket_.get());
  if (received.message.kind == answer) return;
  throw std::runtime_error(fmt::format("the FUSE server says '{}' (request {}), not '{}'",
                                       received.message.kind, received.message.error, answer));
}

off_t HeldFile::hold_read() {
  next_offset_ =
      next_offset_ >= kLastOffset ? kFirstOffset : next_offset_ + static_cast<off_t>(kHeldBytes);
  send(kHoldRead, next_offset_);
  expect(kArmed);
  return next_offset_;
}

off_t HeldFile::hold_write() {
  next_offset_ =
      next_offset_ >= kLastOffset ? kFirstOffset : next_offset_ + static_cast<off_t>(kHeldBytes);
  send(kHoldWrite, next_offset_);
  expect(kArmed);
  return next_offset_;
}

void HeldFile::await_in_flight() { expect(kInFlight); }

void HeldFile::release_read(std::span<const std::byte> data) {
  std::memcpy(data_, data.data(), data.size());
  send(kRelease, 0);
  expect(kReleased);
}

void HeldFile::release_write(std::span<std::byte> data) {
  send(kRelease, 0);
  expect(kReleased);
  std::memcpy(data.data(), data_, data.size());
}

}  // namespace notifier::pin
