// SPDX-License-Identifier: MIT
// io_uring fixed buffers: pinned for long (io_uring/rsrc.c, io_sqe_buffer_register) from the
// registration to its end. The transfer between them and a memfd is the DMA.
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "harness/file_descriptor.hpp"
#include "harness/pin/actor_calls.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/memlock.hpp"
#include "harness/pin/uring.hpp"

namespace notifier::pin::actor_calls {
namespace {

void fail_to_register(int error, std::size_t bytes) {
  if (error == ENOMEM) throw CannotRun(describe_memlock_refusal(bytes));
  errno = error;
  throw_if(true, "io_uring_register_buffers");
}

class IoUringFixed : public Actor {
 public:
  ~IoUringFixed() override { detach(); }

  void attach(std::span<std::byte> memory, Direction /*direction*/) override {
    memory_ = memory;
    const iovec buffer{memory.data(), memory.size()};
    const int result = io_uring_register_buffers(uring_.ring(), &buffer, 1);
    if (result != 0) fail_to_register(-result, memory.size());
    attached_ = true;
  }

  int write(std::span<const std::byte> data) override {
    prepare_file();
    if (pwrite(file_.get(), data.data(), data.size(), 0) != static_cast<ssize_t>(data.size())) {
      return errno;
    }
    io_uring_prep_read_fixed(uring_.entry(), file_.get(), memory_.data(),
                             static_cast<unsigned>(data.size()), 0, 0);
    return transfer(data.size());
  }

  int read(std::span<std::byte> data) override {
    prepare_file();
    io_uring_prep_write_fixed(uring_.entry(), file_.get(), memory_.data(),
                              static_cast<unsigned>(data.size()), 0, 0);
    if (const int error = transfer(data.size())) return error;
    const ssize_t count = pread(file_.get(), data.data(), data.size(), 0);
    return count == static_cast<ssize_t>(data.size()) ? 0 : EIO;
  }

  // Unregistering returns after the last unpin, closing the ring alone does not.
  void detach() override {
    if (attached_) io_uring_unregister_buffers(uring_.ring());
    attached_ = false;
  }

  bool reads_back() const override { return true; }

 private:
  void prepare_file() {
    if (file_.valid()) return;
    file_ = FileDescriptor(memfd_create("pin_device", MFD_CLOEXEC));
    throw_if(!file_.valid(), "memfd_create");
  }

  int transfer(std::size_t bytes) {
    uring_.submit();
    const int result = uring_.wait();
    if (result < 0) return -result;
    return static_cast<std::size_t>(result) == bytes ? 0 : EIO;
  }

  Uring uring_;
  FileDescriptor file_;
  std::span<std::byte> memory_;
  bool attached_ = false;
};

}  // namespace

std::unique_ptr<Actor> make_io_uring_fixed() { return std::make_unique<IoUringFixed>(); }

}  // namespace notifier::pin::actor_calls
