// SPDX-License-Identifier: MIT
// The server's side of HeldFile: the FUSE protocol for a file system that is one file.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace notifier::pin {

// What the two sides say to each other, over a SOCK_SEQPACKET socket.
struct HeldMessage {
  char kind = 0;
  int error = 0;
  off_t offset = 0;
};
inline constexpr char kReady = 'i';      // server: here are the descriptors, or why there are none
inline constexpr char kHoldRead = 'r';   // client: hold the read at this offset
inline constexpr char kHoldWrite = 'w';  // client: hold whatever comes next, a write at this offset
inline constexpr char kArmed = 'a';      // server
inline constexpr char kInFlight = 'f';   // server
inline constexpr char kRelease = 'g';    // client
inline constexpr char kReleased = 'd';   // server
inline constexpr char kUnexpected = 'u';  // server: something else than the announced write came

/// Mounts, opens, serves until the client closes the socket. `data` of kHeldBytes is shared. Runs
/// in a process of its own, in a mount namespace of its own.
[[noreturn]] void serve_held_file(int socket, std::byte* data);

}  // namespace notifier::pin
