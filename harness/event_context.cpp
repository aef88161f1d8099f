// SPDX-License-Identifier: MIT
#include "harness/buffer.hpp"
#include "harness/child_board.hpp"
#include "harness/integrity.hpp"
#include "harness/perturbation.hpp"

namespace notifier {

EventContext whole_buffer_event(Buffer& buffer, ChildBoard& board, std::uint64_t seed) {
  board.clear();
  EventContext event;
  event.buffer = &buffer;
  event.slice = buffer.host();
  event.slice_bytes = buffer.size_bytes();
  event.seed = seed;
  event.owner = RecordIdentity{}.owner;
  event.child_view = buffer.child_view();
  event.board = &board;
  return event;
}

}  // namespace notifier
