// SPDX-License-Identifier: MIT
// Device primitives for tests of the kernel logic: plain memory, a clock that the test sets and a
// hook before each access. Lanes run one after the other on the test's thread.
#pragma once

#include <cstdint>
#include <functional>

namespace notifier::device {

enum class Access { kLoad, kLoadAcquire, kLoadWaited, kStore };

struct TestDevice {
  std::uint32_t wave = 0;
  std::uint32_t waves = 1;
  std::uint32_t lane = 0;
  std::uint32_t lanes = 1;
  std::uint64_t clock_ticks = 0;
  std::uint64_t ticks_per_clock_read = 1;
  std::function<void(Access, const std::uint64_t*)> before_access;  // may change all of this
  std::function<void(std::uint64_t&)> hold;                         // may change what is held
  std::function<void(std::uint64_t*)> before_local_load;
  // Stores since the last load: the kernel may not look at the clock while there are any.
  std::uint64_t stores_under_way = 0;
  std::uint64_t early_clock_reads = 0;
};

inline TestDevice test_device;

inline std::uint32_t wave_index() { return test_device.wave; }
inline std::uint32_t lane_index() { return test_device.lane; }
inline std::uint32_t lanes_per_wave() { return test_device.lanes; }
inline std::uint32_t wave_count() { return test_device.waves; }

inline std::uint64_t observed_load(Access access, const std::uint64_t* pointer) {
  if (test_device.before_access) {
    test_device.before_access(access, pointer);
  }
  test_device.stores_under_way = 0;
  return *pointer;
}

inline std::uint64_t load(const std::uint64_t* pointer) {
  return observed_load(Access::kLoad, pointer);
}
inline std::uint64_t load_acquire(const std::uint64_t* pointer) {
  return observed_load(Access::kLoadAcquire, pointer);
}
inline std::uint64_t load_waited(const std::uint64_t* pointer) {
  return observed_load(Access::kLoadWaited, pointer);
}

inline void store(std::uint64_t* pointer, std::uint64_t value) {
  if (test_device.before_access) {
    test_device.before_access(Access::kStore, pointer);
  }
  ++test_device.stores_under_way;
  *pointer = value;
}

inline std::uint64_t clock_ticks() {
  test_device.early_clock_reads += test_device.stores_under_way != 0 ? 1 : 0;
  test_device.clock_ticks += test_device.ticks_per_clock_read;
  return test_device.clock_ticks;
}

inline void hold(std::uint64_t& value) {
  if (test_device.hold) {
    test_device.hold(value);
  }
}

template <std::uint64_t word_count>
inline void held_from_here_on(std::uint64_t (&)[word_count]) {}

inline std::uint64_t load_local(std::uint64_t* word) {
  if (test_device.before_local_load) {
    test_device.before_local_load(word);
  }
  return *word;
}
inline void store_local(std::uint64_t* word, std::uint64_t value) { *word = value; }

template <std::uint64_t word_count>
class LocalMemory {
 public:
  std::uint64_t* words() { return words_; }

 private:
  std::uint64_t words_[word_count] = {};
};

}  // namespace notifier::device

#define NOTIFIER_KERNEL(function, Arguments) \
  static_assert(sizeof(Arguments) > 0, "a kernel takes one struct by value")
#define NOTIFIER_KERNEL_THAT_HOLDS(function, Arguments, registers, local_bytes) \
  NOTIFIER_KERNEL(function, Arguments)
