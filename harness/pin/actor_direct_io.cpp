// SPDX-License-Identifier: MIT
// O_DIRECT: the pages are held from the submission of a transfer to its completion. Two kinds: a
// transfer that starts after the perturbation (nothing is held meanwhile), and one that was in
// flight all along, which HeldFile makes possible.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "harness/pin/actor_calls.hpp"
#include "harness/pin/aio.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/held_file.hpp"
#include "harness/pin/uring.hpp"

namespace notifier::pin::actor_calls {
namespace {

int error_of(std::int64_t result, std::size_t wanted) {
  if (result < 0) return static_cast<int>(-result);
  // A file system may stop a transfer at the first page that is not there.
  return static_cast<std::size_t>(result) == wanted ? 0 : EFAULT;
}

/// A file without a name that really does direct I/O. tmpfs takes the flag (Linux 6.6) and copies.
FileDescriptor open_direct_file() {
  const char* chosen = std::getenv("TMPDIR");
  for (const char* folder : {chosen, ".", "/var/tmp", "/tmp"}) {
    struct statfs kind {};
    if (folder == nullptr || statfs(folder, &kind) != 0 || kind.f_type == TMPFS_MAGIC) continue;
    FileDescriptor file(open(folder, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600));
    if (file.valid()) return file;
  }
  throw CannotRun("no local file system with O_DIRECT at TMPDIR, ., /var/tmp or /tmp");
}

class DirectAio : public Actor {
 public:
  DirectAio() : file_(open_direct_file()) {}

  void attach(std::span<std::byte> memory, Direction /*direction*/) override { memory_ = memory; }

  int write(std::span<const std::byte> data) override {
    const Copy copy(data.size());
    std::memcpy(copy.data(), data.data(), data.size());
    const auto bytes = static_cast<ssize_t>(data.size());
    throw_if(pwrite(file_.get(), copy.data(), data.size(), 0) != bytes, "pwrite with O_DIRECT");
    return transfer(IOCB_CMD_PREAD, data.size());
  }

  int read(std::span<std::byte> data) override {
    if (const int error = transfer(IOCB_CMD_PWRITE, data.size())) return error;
    const Copy copy(data.size());
    const auto bytes = static_cast<ssize_t>(data.size());
    throw_if(pread(file_.get(), copy.data(), data.size(), 0) != bytes, "pread with O_DIRECT");
    std::memcpy(data.data(), copy.data(), data.size());
    return 0;
  }

  void detach() override { memory_ = {}; }
  bool reads_back() const override { return true; }

 private:
  // O_DIRECT wants aligned memory.
  class Copy {
   public:
    explicit Copy(std::size_t bytes) : data_(std::aligned_alloc(kPageBytes, bytes)) {}
    ~Copy() { std::free(data_); }
    Copy(const Copy&) = delete;
    Copy& operator=(const Copy&) = delete;
    std::byte* data() const { return static_cast<std::byte*>(data_); }

   private:
    static constexpr std::size_t kPageBytes = 4096;
    void* data_;
  };

  int transfer(int opcode, std::size_t bytes) {
    if (const int error = aio_.submit(opcode, file_.get(), memory_.first(bytes), 0)) return error;
    return error_of(aio_.wait(), bytes);
  }

  FileDescriptor file_;
  Aio aio_;
  std::span<std::byte> memory_;
};

/// What the two ways to submit have in common: the transfer is in flight when attach() returns and
/// ends with the first write() or read().
class HeldDirect : public Actor {
 public:
  HeldDirect() : held_(HeldFile::shared()) {}
  ~HeldDirect() override = default;

  void attach(std::span<std::byte> memory, Direction direction) override {
    memory_ = memory;
    direction_ = direction;
    const bool device_writes = direction == Direction::kDeviceWrites;
    const off_t offset = device_writes ? held_.hold_read() : held_.hold_write();
    submit(device_writes, held_.descriptor(), memory, offset);
    in_flight_ = true;
    held_.await_in_flight();
  }

  int write(std::span<const std::byte> data) override {
    held_.release_read(data);
    return complete(data.size());
  }

  int read(std::span<std::byte> data) override {
    held_.release_write(data);
    return complete(data.size());
  }

  void detach() override {
    if (!in_flight_) return;
    std::vector<std::byte> rest(memory_.size());
    if (direction_ == Direction::kDeviceWrites) {
      write(rest);
    } else {
      read(rest);
    }
  }

  std::string path() const override { return held_.path(); }

 protected:
  virtual void submit(bool device_writes, int descriptor, std::span<std::byte> memory,
                      off_t offset) = 0;
  virtual std::int64_t wait() = 0;

 private:
  int complete(std::size_t bytes) {
    in_flight_ = false;
    return error_of(wait(), bytes);
  }

  HeldFile& held_;
  std::span<std::byte> memory_;
  Direction direction_ = Direction::kDeviceWrites;
  bool in_flight_ = false;
};

class HeldAio : public HeldDirect {
 public:
  ~HeldAio() override { detach(); }

 protected:
  void submit(bool device_writes, int descriptor, std::span<std::byte> memory,
              off_t offset) override {
    errno =
        aio_.submit(device_writes ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE, descriptor, memory, offset);
    throw_if(errno != 0, "io_submit");
  }
  std::int64_t wait() override { return aio_.wait(); }

 private:
  Aio aio_;
};

class HeldUring : public HeldDirect {
 public:
  ~HeldUring() override { detach(); }

 protected:
  void submit(bool device_writes, int descriptor, std::span<std::byte> memory,
              off_t offset) override {
    const auto bytes = static_cast<unsigned>(memory.size());
    const auto where = static_cast<std::uint64_t>(offset);
    if (device_writes) {
      io_uring_prep_read(uring_.entry(), descriptor, memory.data(), bytes, where);
    } else {
      io_uring_prep_write(uring_.entry(), descriptor, memory.data(), bytes, where);
    }
    uring_.submit();
  }
  std::int64_t wait() override { return uring_.wait(); }

 private:
  Uring uring_;
};

}  // namespace

std::unique_ptr<Actor> make_direct_aio() { return std::make_unique<DirectAio>(); }
std::unique_ptr<Actor> make_direct_aio_held() { return std::make_unique<HeldAio>(); }
std::unique_ptr<Actor> make_direct_uring_held() { return std::make_unique<HeldUring>(); }

}  // namespace notifier::pin::actor_calls
