// SPDX-License-Identifier: MIT
// A forked child that holds its copy of the memory and does what it is told. Parent and child talk
// over a socket pair: a death is an end of file, so that no wait can last for ever.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "harness/file_descriptor.hpp"
#include "harness/pin/page_frames.hpp"
#include "harness/pin/region.hpp"
#include "harness/pin/words.hpp"

namespace notifier::pin {

/// What a child sees of the memory.
struct ChildReport {
  bool mapped = false;  // MADV_DONTFORK leaves a hole
  WordCounts words;
  std::uint64_t digest = 0;  // of all words: changes with any of them
  bool frames_known = false;
  std::array<PageEntry, kFrames> frames{};
};

class Child {
 public:
  /// Forks. The call is timed; the child has answered once when this returns, and lives until it is
  /// told to end. Throws std::system_error.
  Child(std::byte* memory, std::size_t bytes, std::uint64_t seed);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  std::int64_t fork_ns() const { return fork_ns_; }
  /// What the child saw before anybody did anything.
  const ChildReport& first_report() const { return first_; }

  /// The child writes its own records into its copy.
  void write();
  bool has_written() const { return has_written_; }
  ChildReport scan();
  /// Ends the child and waits for its end; what it held is free then.
  void end();
  bool lives() const { return pid_ > 0; }

 private:
  ChildReport ask(char command);

  FileDescriptor socket_;
  pid_t pid_ = -1;
  std::int64_t fork_ns_ = 0;
  bool has_written_ = false;
  ChildReport first_;
};

}  // namespace notifier::pin
