// SPDX-License-Identifier: MIT
// vmsplice: a pipe holds references to the pages; who reads the pipe is the device. It can only
// read, and each page once.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "harness/file_descriptor.hpp"
#include "harness/pin/actor_calls.hpp"
#include "harness/pin/error.hpp"

namespace notifier::pin::actor_calls {
namespace {

class Vmsplice : public Actor {
 public:
  void attach(std::span<std::byte> memory, Direction /*direction*/) override {
    std::array<int, 2> ends{};
    throw_if(pipe2(ends.data(), O_CLOEXEC) != 0, "pipe");
    out_ = FileDescriptor(ends[0]);
    in_ = FileDescriptor(ends[1]);
    // One slot of the pipe per page, or vmsplice would wait for a reader.
    const int capacity = fcntl(in_.get(), F_SETPIPE_SZ, static_cast<int>(memory.size()));
    if (capacity < 0 || static_cast<std::size_t>(capacity) < memory.size()) {
      throw CannotRun("a pipe of that size is refused (fs.pipe-max-size, fs.pipe-user-pages-soft)");
    }
    std::size_t done = 0;
    while (done < memory.size()) {
      const iovec part{memory.data() + done, memory.size() - done};
      const ssize_t count = vmsplice(in_.get(), &part, 1, 0);
      throw_if(count < 0, "vmsplice");
      done += static_cast<std::size_t>(count);
    }
  }

  int write(std::span<const std::byte> /*data*/) override { return ENOTSUP; }

  int read(std::span<std::byte> data) override {
    std::size_t done = 0;
    while (done < data.size()) {
      const ssize_t count = ::read(out_.get(), data.data() + done, data.size() - done);
      if (count < 0) return errno;
      if (count == 0) return EIO;
      done += static_cast<std::size_t>(count);
    }
    return 0;
  }

  void detach() override {
    in_.reset();
    out_.reset();
  }

 private:
  FileDescriptor in_;
  FileDescriptor out_;
};

}  // namespace

std::unique_ptr<Actor> make_vmsplice() { return std::make_unique<Vmsplice>(); }

}  // namespace notifier::pin::actor_calls
