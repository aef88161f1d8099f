// SPDX-License-Identifier: MIT
// An actor: a part of the kernel that reads and writes the process's memory as a device would, each
// with its own way of holding on to the pages.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace notifier::pin {

enum class Direction : std::uint8_t { kDeviceWrites, kDeviceReads };
std::string_view to_string(Direction direction);

/// What an actor holds while the memory is perturbed; decides what is to be expected.
enum class Hold : std::uint8_t {
  kPin,        // FOLL_PIN: fork copies the page for the child, nothing moves it
  kReference,  // a page reference only (FOLL_GET): copy on write may part it from the process
  kNothing,    // the address: whatever page is there when the actor comes
};
std::string_view to_string(Hold hold);

class Actor {
 public:
  virtual ~Actor() = default;

  /// Makes the memory known, or starts the transfer; from here on the actor holds what it holds.
  /// Throws CannotRun with the reason where this machine does not allow it.
  virtual void attach(std::span<std::byte> memory, Direction direction) = 0;
  /// Moves data of that size into what it holds. Returns 0 or the errno of the transfer.
  virtual int write(std::span<const std::byte> data) = 0;
  /// Moves what it holds into `data`. Returns 0 or the errno of the transfer.
  virtual int read(std::span<std::byte> data) = 0;
  /// Lets go of everything. Harmless when nothing is held.
  virtual void detach() = 0;

  /// Whether read() after write() tells what the device wrote, wherever that is now.
  virtual bool reads_back() const { return false; }
  /// Through which part of the kernel it came, once attached.
  virtual std::string path() const { return ""; }
  /// Told when the process has forked; only planted faults want to know.
  virtual void forked(pid_t /*child*/) {}
};

/// One row per actor.
struct ActorRow {
  std::string_view name;  // the memory column of the CSV is "pin_" and this
  std::string_view summary;
  std::string_view source;  // kernel function that takes hold of the pages
  Hold hold = Hold::kNothing;
  bool writes = true;
  bool reads = true;
  bool on_all_pages = false;  // also with the pages of selftests/mm/cow.c, not only plain ones
  // One for all cases. Ending an aio context waits for an RCU grace period (fs/aio.c kill_ioctx),
  // tens of milliseconds; the memory of a ring counts against RLIMIT_MEMLOCK for some time after
  // it.
  bool reusable = false;
  std::size_t largest_bytes = 0;  // that one attachment can hold; 0: no limit but memory
  // First kernel, as major * 1000 + minor, for which the expected outcomes were worked out. In 5.19
  // anonymous pages came to know whether one process has them alone (PageAnonExclusive), which is
  // what makes pins reliable.
  int expected_since = 5019;
  std::unique_ptr<Actor> (*make)() = nullptr;
};

/// Prints the name, so that names of tests do not hold addresses.
std::ostream& operator<<(std::ostream& out, const ActorRow& row);

std::span<const ActorRow> actors();
/// Null when there is none of that name.
const ActorRow* find_actor(std::string_view name);

}  // namespace notifier::pin
