// SPDX-License-Identifier: MIT
// What a wave of the `full` context holds beside its sweep: records in vector registers and in
// local memory (LDS), live from the launch to the end, so that whoever preempts the wave has them
// to save and to bring back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "../record.hpp"
#include "../workload_full.hpp"
#include "device_primitives.hpp"

namespace notifier::device {

// A held word that is not what it was left as.
struct HeldMismatch {
  bool found = false;
  std::uint64_t word = 0;
  Record observed = 0;
  Record expected = 0;
  ViolationPhase phase = ViolationPhase::kHeldRegister;
};

// Held words are numbered behind the buffer's own: those of lane l of wave w, the registers first.
// So each is told from every other, and is classified as a word of memory is: an older save is
// lost, another lane's word is torn, what was never brought back is zero.
class HeldContext {
 public:
  __device__ __forceinline__ HeldContext(const WorkloadArguments& arguments, std::uint64_t* local,
                                         std::uint64_t pass)
      : owner_(static_cast<std::uint32_t>(arguments.owner)),
        seed_(arguments.seed),
        local_(local),
        first_word_(arguments.size_words +
                    (static_cast<std::uint64_t>(wave_index()) * lanes_per_wave() + lane_index()) *
                        kHeldWordsPerLane) {
    held_from_here_on(registers_);
    renew(pass);
  }

  // Compares all that was left in `pass`; the first difference is enough to know of.
  __device__ __forceinline__ HeldMismatch check(std::uint64_t pass) {
    HeldMismatch mismatch;
    each_register([&](std::uint64_t i) {
      hold(registers_[i]);
      compare(i, registers_[i], pass, ViolationPhase::kHeldRegister, mismatch);
    });
    for (std::uint64_t i = 0; i < local_words(); ++i) {
      compare(kHeldRegisterWords + i, load_local(local_word(i)), pass,
              ViolationPhase::kHeldLocalMemory, mismatch);
    }
    return mismatch;
  }

  // Other content for each pass: what an earlier stop saved is told from the last.
  __device__ __forceinline__ void renew(std::uint64_t pass) {
    each_register([&](std::uint64_t i) { registers_[i] = record(i, pass); });
    for (std::uint64_t i = 0; i < local_words(); ++i) {
      store_local(local_word(i), record(kHeldRegisterWords + i, pass));
    }
  }

 private:
  // Written out: a register has no address for a loop to count up.
  template <typename Visit>
  __device__ __forceinline__ static void each_register(Visit visit) {
    each_register(visit, std::make_index_sequence<kHeldRegisterWords>());
  }
  template <typename Visit, std::size_t... index>
  __device__ __forceinline__ static void each_register(Visit& visit,
                                                       std::index_sequence<index...>) {
    (visit(index), ...);
  }

  // One at a time: between its two holds lies all of a record's arithmetic. Left to itself the
  // compiler does that of all records at once, has no registers for it and spills (gfx906).
  __device__ __forceinline__ Record record(std::uint64_t held, std::uint64_t pass) const {
    hold(pass);
    Record made = make_record(owner_, first_word_ + held, pass, seed_);
    hold(made);
    return made;
  }

  // The lanes take the wave's local words in turn.
  __device__ __forceinline__ std::uint64_t local_words() const {
    return kHeldLocalWords / lanes_per_wave();
  }
  __device__ __forceinline__ std::uint64_t* local_word(std::uint64_t i) const {
    return local_ + i * lanes_per_wave() + lane_index();
  }

  __device__ __forceinline__ void compare(std::uint64_t held, Record observed, std::uint64_t pass,
                                          ViolationPhase phase, HeldMismatch& mismatch) const {
    const Record expected = record(held, pass);
    if (observed != expected && !mismatch.found) {
      mismatch = {true, first_word_ + held, observed, expected, phase};
    }
  }

  std::uint32_t owner_;
  std::uint64_t seed_;
  std::uint64_t* local_;
  std::uint64_t first_word_;
  Record registers_[kHeldRegisterWords];
};

}  // namespace notifier::device
