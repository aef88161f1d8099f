// SPDX-License-Identifier: MIT
#include "softgpu/core/plant.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "softgpu/core/control_memory.hpp"
#include "softgpu/core/device.hpp"
#include "softgpu/core/fork_tracker.hpp"
#include "softgpu/core/notifier.hpp"
#include "softgpu/core/registry.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {
namespace {

// How often a plant strikes, in accesses of one wave. Prime, so that it meets all words.
constexpr std::uint64_t kPeriod = 65537;
constexpr std::uint64_t kForeignPeriod = 1009;
constexpr std::size_t kMaximumChildren = 16;
constexpr std::uint64_t kUpperHalf = 0xFFFFFFFF00000000ull;

bool holds_data(const Range& range) {
  return range.origin == RangeOrigin::kHostRegister || range.origin == RangeOrigin::kManaged ||
         range.origin == RangeOrigin::kSystem || range.origin == RangeOrigin::kSvmAttributes;
}

/// The CPU address of a word of the program's data; 0 for all other memory.
std::uintptr_t data_address(std::uintptr_t device_address) {
  Registry& registry = device().registry();
  const std::lock_guard lock(registry.lock());
  const Range* range = registry.find_device(device_address);
  return range != nullptr && holds_data(*range)
             ? device_address - range->device_begin + range->host_begin
             : 0;
}

/// Ranges with the program's data that an invalidation has just marked. Under the registry lock.
template <typename Visit>
void for_each_data_range(const Registry& registry, const Interval& interval, Visit&& visit) {
  registry.host_tree().for_each_overlap(interval.begin, interval.end - 1, [&](IntervalNode& node) {
    Range& range = range_of(node);
    if (holds_data(range) && (range.retries || (range.invalid != 0 && range.mapped))) {
      visit(range);
    }
  });
}

std::uintptr_t first_data_page(Registry& registry, std::span<const Interval> intervals) {
  std::uintptr_t page = 0;
  const std::lock_guard lock(registry.lock());
  for (const Interval& interval : intervals) {
    for_each_data_range(registry, interval, [&](const Range& range) {
      page = page == 0 ? std::max(interval.begin, range.host_begin) : page;
    });
  }
  return page;
}

/// A word of some other data range; 0 when there is none.
std::uintptr_t word_of_other_data(std::uintptr_t device_address) {
  Registry& registry = device().registry();
  const std::lock_guard lock(registry.lock());
  const Range* own = registry.find_device(device_address);
  const std::uintptr_t offset = device_address - own->device_begin;
  std::uintptr_t found = 0;
  registry.host_tree().for_each_overlap(0, UINTPTR_MAX, [&](IntervalNode& node) {
    const Range& range = range_of(node);
    if (&range != own && holds_data(range) && range.invalid == 0 && range.resident_pages == 0) {
      found = range.pointer + offset % (range.size_bytes & ~std::size_t{7});
    }
  });
  return found;
}

/// Writes the word where it is in the children of the last fork, as a device would that went on
/// with the frame from before copy-on-write. True when some child took it.
bool write_into_children(std::uintptr_t host_address, std::uint64_t value) {
  const pid_t parent = device().forks().last_thread();
  if (parent == 0) {
    return false;
  }
  std::array<pid_t, kMaximumChildren> children;
  const int count = read_children(parent, children.data(), children.size());
  bool written = false;
  for (int index = 0; index < count; ++index) {
    iovec local{&value, sizeof(value)};
    iovec remote{reinterpret_cast<void*>(host_address), sizeof(value)};
    written |= process_vm_writev(children[static_cast<std::size_t>(index)], &local, 1, &remote, 1,
                                 0) == static_cast<ssize_t>(sizeof(value));
  }
  return written;
}

std::uint64_t damaged_word(Plant plant, std::uint64_t before, std::uint64_t now) {
  switch (plant) {
    case Plant::kLostContext:
      return before;
    case Plant::kTornContext:
      return (before & kUpperHalf) | (now & ~kUpperHalf);
    default:
      return 0;
  }
}

/// True when the plant's turn has come at this access.
bool strikes(Wave& wave, Plant plant) {
  if (device().settings().plant != plant) {
    return false;
  }
  const std::uint64_t period = plant == Plant::kForeign ? kForeignPeriod : kPeriod;
  // Data and control accesses alternate: the turn stays until an access of data takes it.
  return ++wave.accesses >= period;
}

}  // namespace

bool plant_watches_accesses(Plant plant) {
  return plant == Plant::kLost || plant == Plant::kTorn || plant == Plant::kZero ||
         plant == Plant::kForeign;
}

std::uint64_t planted_load(Wave& wave, std::uintptr_t device_address, std::uint64_t value) {
  if (!strikes(wave, Plant::kZero) || value == 0 || data_address(device_address) == 0) {
    return value;
  }
  wave.accesses = 0;
  return 0;
}

void planted_store(Wave& wave, std::uintptr_t device_address, std::uint64_t* word,
                   std::uint64_t value) {
  const std::uint64_t before = __atomic_load_n(word, __ATOMIC_RELAXED);
  std::uint64_t stored = value;
  if (strikes(wave, device().settings().plant) && data_address(device_address) != 0) {
    switch (device().settings().plant) {
      case Plant::kLost:
        stored = before;
        break;
      case Plant::kTorn:
        stored = (before & kUpperHalf) | (value & ~kUpperHalf);
        break;
      case Plant::kForeign:
        if (!write_into_children(data_address(device_address), value)) {
          if (const std::uintptr_t other = word_of_other_data(device_address); other != 0) {
            __atomic_store_n(reinterpret_cast<std::uint64_t*>(other), value, __ATOMIC_RELAXED);
          }
        }
        break;
      default:
        break;
    }
    wave.accesses = 0;
  }
  __atomic_store_n(word, stored, __ATOMIC_RELAXED);
}

void planted_context(Wave& wave) {
  const Plant plant = device().settings().plant;
  if (plant != Plant::kLostContext && plant != Plant::kTornContext &&
      plant != Plant::kZeroContext) {
    return;
  }
  if (wave.held_registers.count == 0 || wave.held_local.count == 0) {
    return;  // the grid has not begun, or its kernel has no such context
  }
  // The last words: a check that looks at the first ones only would miss them.
  const std::array words{wave.held_registers.words + wave.held_registers.count - 1,
                         wave.held_local.words + wave.held_local.count - 1};
  const std::size_t struck = wave.context_stops++ % words.size();
  for (std::size_t part = 0; part < words.size(); ++part) {
    const std::uint64_t now = *words[part];
    if (part == struck && wave.context_stops > 1) {
      *words[part] = damaged_word(plant, wave.saved[part], now);
    }
    wave.saved[part] = now;
  }
}

StalePlant::StalePlant(bool armed) : armed_(armed) {
  if (armed_) {
    copy_ = control_memory(kPageSize);
  }
}

void StalePlant::take_page(Registry& registry, std::span<const Interval> intervals) {
  if (!armed_) {
    return;
  }
  const std::uintptr_t page = first_data_page(registry, intervals);
  // Not through the pointer: the page may not be readable.
  iovec local{copy_, kPageSize};
  iovec remote{reinterpret_cast<void*>(page), kPageSize};
  if (page == 0 ||
      process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != static_cast<ssize_t>(kPageSize)) {
    return;
  }
  const std::lock_guard lock(registry.lock());
  for_each_data_range(registry, {page, page + kPageSize}, [&](Range& range) {
    range.stale_page = (page - range.host_begin) >> kPageShift;
    range.stale_copy = reinterpret_cast<std::uintptr_t>(copy_);
    armed_ = false;
  });
}

}  // namespace softgpu
