// SPDX-License-Identifier: MIT
// A running device for process bodies: its event lines, and a kernel that works on memory and
// checks what it finds there.
#pragma once

#include <hip/hip_runtime_api.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#define REQUIRE_HIP(call) REQUIRE((call) == hipSuccess)

namespace softgpu_test {

inline constexpr std::size_t kPage = 4096;

/// Lines of an SMI descriptor that is subscribed to everything but LOST_CPU.
class DriverLog {
 public:
  DriverLog();
  ~DriverLog();
  DriverLog(const DriverLog&) = delete;
  DriverLog& operator=(const DriverLog&) = delete;

  /// Number of lines so far that start with the id, in hex as KFD writes it, and end with `tail`.
  std::size_t count(const std::string& id, const std::string& tail = "");

  /// Waits until there are that many; the test's time limit is the only limit.
  void wait_for(const std::string& id, std::size_t wanted, const std::string& tail = "");

  /// Everything so far.
  std::vector<std::string> all_lines();

  /// The same without the reports of stops, which come when the waves have run again.
  std::vector<std::string> lines();

  /// Wrong things that the device itself has noticed: PROTOCOL lines, and pages in MISSED lines
  /// beyond those that the kernel has moved by itself since the log was opened (compaction).
  std::size_t accusations();

 private:
  void read_more(int timeout_ms);

  int descriptor_ = -1;
  std::uint64_t moved_before_ = 0;
  std::string partial_;
  std::vector<std::string> lines_;
};

/// Words that a kernel and the test share; one hipHostMalloc each.
struct KernelControl {
  std::uint64_t stop;
  std::uint64_t first_word;  // of what the kernel works on
  std::uint64_t end_word;
  std::uint64_t passes;
  std::uint64_t mismatches;      // words that do not hold what the kernel left there
  std::uint64_t zeros;           // of these: words that are zero
  std::uint64_t first_mismatch;  // word index
  std::uint64_t first_observed;
  std::uint64_t last_clock_ticks;
};

/// One wave that sweeps words: load, compare with what it wrote last, store, read back, compare.
/// After a mismatch it goes on with what it found.
class RunningKernel {
 public:
  RunningKernel(std::uint64_t* device_words, std::size_t words);
  ~RunningKernel() { stop(); }
  RunningKernel(const RunningKernel&) = delete;
  RunningKernel& operator=(const RunningKernel&) = delete;

  /// Waits until the kernel has finished that many more sweeps, begun after the call.
  void wait_for_passes(std::uint64_t more);

  /// Keeps the kernel inside [first, end) and returns when it is.
  void stay_within(std::size_t first_word, std::size_t end_word);

  /// Stops the kernel and waits for its end. Once is enough.
  void stop();

  std::uint64_t passes() const;
  std::uint64_t mismatches() const;
  std::uint64_t zeros() const;
  KernelControl& control() { return *control_; }
  hipStream_t stream() const { return stream_; }

 private:
  KernelControl* control_ = nullptr;
  hipStream_t stream_ = nullptr;
};

/// A word that waves may write at the same time.
std::uint64_t load_word(const std::uint64_t* word);

/// From now on the device of this process has retry faults; before the first HIP call.
void ask_for_retry_faults();

/// Anonymous private memory, written once. A mapping of its own, with pages without rights around
/// it: the device takes in whole mappings of system memory, and what a sanitizer does to its own
/// memory is exempt from the notifier (seccomp_filter.cpp).
char* map_memory(std::size_t size_bytes);

/// Maps fresh memory over what is there, while a kernel may be at work on it. By the raw system
/// call: ThreadSanitizer takes libc's mmap for a write to all of the memory.
void map_fresh_memory_over(void* memory, std::size_t size_bytes);

/// hipHostRegister; returns the device's pointer.
std::uint64_t* register_memory(void* memory, std::size_t size_bytes);

/// A child that holds its copy of memory until the object goes. Made by libc's fork, or by the raw
/// system call.
class HeldChild {
 public:
  enum class Made { kByLibc, kBySyscall };

  /// `in_child` runs in the child when finish() is called; its result is the child's exit status.
  explicit HeldChild(Made made, const std::function<int()>& in_child = {});
  ~HeldChild() { finish(); }

  /// Lets the child go and returns its exit status; -1 if a signal ended it.
  int finish();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int go_ = -1;
};

}  // namespace softgpu_test
