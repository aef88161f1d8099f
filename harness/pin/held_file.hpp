// SPDX-License-Identifier: MIT
// A file whose transfers take as long as we want: a FUSE file served by a process of ours, and a
// loop device on top of it. An O_DIRECT transfer of it is in flight, its pages held, from the
// moment the server has it until the server is told to go on. No sleeps, no races.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "harness/file_descriptor.hpp"

namespace notifier::pin {

/// Largest transfer that arrives at the server as one request (fuse: 32 pages by default).
inline constexpr std::size_t kHeldBytes = 128 << 10;

class HeldFile {
 public:
  /// Starts the server. Throws CannotRun with the reason where FUSE is missing or forbidden.
  static std::unique_ptr<HeldFile> start();
  /// One for the whole process, started when first asked for. Throws CannotRun each time where it
  /// cannot be had.
  static HeldFile& shared();
  ~HeldFile();
  HeldFile(const HeldFile&) = delete;
  HeldFile& operator=(const HeldFile&) = delete;

  /// Opened with O_DIRECT: the loop device where there is one, else the FUSE file.
  int descriptor() const { return loop_.valid() ? loop_.get() : file_.get(); }
  /// "loop on fuse" (bio_iov_iter_get_pages holds the pages) or "fuse" (fuse_get_user_pages does).
  std::string path() const { return loop_.valid() ? "loop on fuse" : "fuse"; }
  /// Use the FUSE file itself from now on.
  void without_loop() { loop_.reset(); }

  /// The next transfer is to be this one and is to be held. Its offset is returned.
  off_t hold_read();
  off_t hold_write();
  /// Waits until the transfer is in flight. Throws std::runtime_error when it does not get there.
  void await_in_flight();
  /// Lets a held read go on with this data.
  void release_read(std::span<const std::byte> data);
  /// Lets a held write go on and returns what it carried; at most `data` bytes of it.
  void release_write(std::span<std::byte> data);

 private:
  HeldFile() = default;
  void warm_up();
  void send(char command, off_t offset);
  void expect(char answer);

  FileDescriptor socket_;
  FileDescriptor file_;
  FileDescriptor loop_;
  pid_t server_ = -1;
  std::byte* data_ = nullptr;  // shared with the server
  off_t next_offset_ = 0;
};

}  // namespace notifier::pin
