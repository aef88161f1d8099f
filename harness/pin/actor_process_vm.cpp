// SPDX-License-Identifier: MIT
// process_vm_readv and process_vm_writev on the process itself: the pages are looked up and held
// for the call only, so this is the control without any pin.
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "harness/pin/actor_calls.hpp"

namespace notifier::pin::actor_calls {
namespace {

class ProcessVm : public Actor {
 public:
  void attach(std::span<std::byte> memory, Direction /*direction*/) override { memory_ = memory; }

  int write(std::span<const std::byte> data) override {
    const iovec local{const_cast<std::byte*>(data.data()), data.size()};
    const iovec remote{memory_.data(), data.size()};
    return error_of(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), data.size());
  }

  int read(std::span<std::byte> data) override {
    const iovec local{data.data(), data.size()};
    const iovec remote{memory_.data(), data.size()};
    return error_of(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), data.size());
  }

  void detach() override { memory_ = {}; }
  bool reads_back() const override { return true; }

 private:
  // A partial transfer ended at memory that is not there.
  static int error_of(ssize_t done, std::size_t wanted) {
    if (done < 0) return errno;
    return static_cast<std::size_t>(done) == wanted ? 0 : EFAULT;
  }

  std::span<std::byte> memory_;
};

}  // namespace

std::unique_ptr<Actor> make_process_vm() { return std::make_unique<ProcessVm>(); }

}  // namespace notifier::pin::actor_calls
