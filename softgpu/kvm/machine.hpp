// SPDX-License-Identifier: MIT
// A virtual machine whose lower half of addresses is this process's memory. The kernel keeps the
// second level of its page tables by MMU notifiers: that is what makes it a device to measure.
// Stands alone: needs neither HIP nor the rest of softgpu.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "softgpu/kvm/page_tables.hpp"

namespace softgpu::kvm {

/// What the guest's and the host's counter say of the device clock (100 MHz).
struct CounterScale {
  std::uint64_t counter_base;
  std::uint64_t ticks_per_count;  // times 2^32
  std::uint64_t clock_base;

  std::uint64_t ticks_at(std::uint64_t counter) const;
};

/// What Machine::add_mapping_around() says of an address where the process has nothing.
inline constexpr const char* kPageNotPresent = "page not present";

/// What opening /dev/kvm failed with (a negative errno), and what to do about it.
std::string why_no_kvm(int error, bool virtualises);

struct MachineOptions {
  std::uint32_t slot_limit = UINT32_MAX;  // fewer than the kernel's, for tests
};

class Machine {
 public:
  /// Null, and `problem` says why: no /dev/kvm, no permission, no guest image.
  static std::unique_ptr<Machine> make(std::span<const unsigned char> image,
                                       const MachineOptions& options, std::string& problem);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Lets the guest reach [begin, begin + size_bytes), whole pages of this process, at the address
  /// `guest_virtual`. Empty on success, else why not (slots or page tables used up).
  std::string add_memory(std::uintptr_t begin, std::uint64_t size_bytes,
                         std::uint64_t guest_virtual);
  std::string add_memory(std::uintptr_t begin, std::uint64_t size_bytes) {
    return add_memory(begin, size_bytes, begin);
  }
  void remove_memory(std::uint64_t guest_virtual, std::uint64_t size_bytes);

  /// Adds the mapping of the process around `address` as far as the guest does not know it yet.
  /// Empty on success, else why not.
  std::string add_mapping_around(std::uintptr_t address);

  /// The guest's address of a guest-physical one.
  std::optional<std::uint64_t> virtual_address(std::uint64_t guest_physical);

  /// Planted fault: from now on the guest sees `copy`, one page, in place of the page at `address`.
  std::string replace_page(std::uintptr_t address, std::uintptr_t copy);

  /// Whether the CPU below offers no virtualisation, so that /dev/kvm emulates instructions: about
  /// a microsecond each, and without page tables of its own to invalidate.
  bool emulates() const { return emulates_; }

  const CounterScale& scale() const { return scale_; }
  std::uint64_t clock_ticks() const;  // the device clock now

  // For Vcpu.
  int kvm() const { return kvm_; }
  int descriptor() const { return machine_; }
  unsigned char* own_memory() { return own_; }
  std::uint64_t page_table_root() const { return tables_->root(); }
  std::uint64_t image_start() const { return image_start_; }

 private:
  struct Slot {
    std::uint32_t number;
    std::uint64_t guest_virtual;
    std::uint64_t size_bytes;
  };

  Machine() = default;
  std::string open(std::span<const unsigned char> image, const MachineOptions& options);
  std::string load_image(std::span<const unsigned char> image);
  void make_tables();
  std::optional<std::uint64_t> take_physical(std::uint64_t size_bytes, std::uint64_t remainder);
  std::optional<std::uint32_t> take_slot();
  std::string add_locked(std::uintptr_t begin, std::uint64_t size_bytes,
                         std::uint64_t guest_virtual);

  int kvm_ = -1;
  int machine_ = -1;
  unsigned char* own_ = nullptr;
  std::uint64_t image_start_ = 0;
  CounterScale scale_{};
  bool emulates_ = false;
  std::uint32_t slot_limit_ = 0;

  std::mutex lock_;
  std::unique_ptr<PageTables> tables_;
  std::map<std::uint64_t, Slot> slots_;  // by guest-physical address
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t next_slot_ = 1;  // 0 is the machine's own memory
};

}  // namespace softgpu::kvm
