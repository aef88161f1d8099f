// SPDX-License-Identifier: MIT
#include "softgpu/kvm/machine.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "softgpu/core/proc_maps.hpp"
#include "softgpu/core/range.hpp"
#include "softgpu/kvm/counter.hpp"
#include "softgpu/kvm/guest/guest_layout.hpp"
#include "softgpu/kvm/guest_image.hpp"
#include "softgpu/kvm/kvm_calls.h"

namespace softgpu::kvm {
namespace {

// Above the machine's own memory and the pages below 4 GiB that KVM and the APIC use; below the 39
// bits of the narrowest hosts.
constexpr std::uint64_t kFirstPhysical = 4ull << 30;
constexpr std::uint64_t kEndPhysical = 1ull << 39;
constexpr std::uint64_t kLargePageBytes = 2ull << 20;
// Of a mapping that the guest touches unannounced, at most this much at once.
constexpr std::uint64_t kWindowBytes = 1ull << 30;

std::string kernel_error(const char* what, int error) {
  return std::string(what) + ": " + std::strerror(-error);
}

const char* what_kvm_needs(int error, bool virtualises) {
  switch (error) {
    case -EACCES:
    case -EPERM:
      return "this user may not open it: the group kvm may";
    case -ENOTSUP:
      return "what is there is not KVM, or a KVM of another version";
    default:
      return virtualises
                 ? "the CPU announces virtualisation: load kvm_amd or kvm_intel; where the "
                   "kernel's "
                   "log says that it is disabled, the firmware has it off"
                 : "the CPU announces neither SVM nor VMX: in a virtual machine, its host must "
                   "have "
                   "nested virtualisation on (kvm_amd or kvm_intel nested=1, QEMU -cpu host)";
  }
}

unsigned char* map_own_memory() {
  void* memory = mmap(nullptr, kOwnBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || madvise(memory, kOwnBytes, MADV_DONTFORK) != 0) {
    return nullptr;
  }
  return static_cast<unsigned char*>(memory);
}

}  // namespace

std::string why_no_kvm(int error, bool virtualises) {
  return kernel_error("/dev/kvm cannot be used", error) + " (" +
         what_kvm_needs(error, virtualises) + ")";
}

std::unique_ptr<Machine> Machine::make(std::span<const unsigned char> image,
                                       const MachineOptions& options, std::string& problem) {
  std::unique_ptr<Machine> machine(new Machine);
  problem = machine->open(image, options);
  return problem.empty() ? std::move(machine) : nullptr;
}

Machine::~Machine() {
  for (const int descriptor : {machine_, kvm_}) {
    if (descriptor >= 0) {
      close(descriptor);
    }
  }
  if (own_ != nullptr) {
    munmap(own_, kOwnBytes);
  }
}

std::string Machine::open(std::span<const unsigned char> image, const MachineOptions& options) {
  kvm_ = kvm_calls_open();
  if (kvm_ < 0) {
    return why_no_kvm(kvm_, cpu_virtualises());
  }
  machine_ = kvm_calls_create_machine(kvm_);
  if (machine_ < 0) {
    return kernel_error("/dev/kvm makes no virtual machine", machine_);
  }
  slot_limit_ = std::min(static_cast<std::uint32_t>(std::max(2, kvm_calls_slot_limit(kvm_))),
                         options.slot_limit);
  own_ = map_own_memory();
  if (own_ == nullptr) {
    return "no memory for the virtual machine's own tables";
  }
  if (const std::string problem = load_image(image); !problem.empty()) {
    return problem;
  }
  make_tables();
  const int status =
      kvm_calls_set_slot(machine_, 0, 0, reinterpret_cast<std::uintptr_t>(own_), kOwnBytes);
  if (status < 0) {
    return kernel_error("KVM_SET_USER_MEMORY_REGION", status);
  }
  emulates_ = !cpu_virtualises();
  scale_ = calibrate_counter();
  return {};
}

std::string Machine::load_image(std::span<const unsigned char> image) {
  const ImageHeader header = read_header(image);
  if (header.magic != kImageMagic || image.size() > kImageEndOffset - kImageOffset) {
    return "this program has no kernels compiled for a virtual machine";
  }
  std::memcpy(own_ + kImageOffset, image.data(), image.size());
  image_start_ = header.start;
  if (cpu_virtualises()) {
    return {};
  }
  constexpr unsigned char kThreeByteNop[] = {0x0F, 0x1F, 0x00};
  for (std::uint64_t row = header.fences_begin; row < header.fences_end; row += 8) {
    std::uint64_t fence = 0;
    std::memcpy(&fence, own_ + (row - kOwnVirtual), sizeof(fence));
    std::memcpy(own_ + (fence - kOwnVirtual), kThreeByteNop, sizeof(kThreeByteNop));
  }
  return {};
}

/// GDT with a 64-bit code segment, a data segment and the task state (whose hidden part
/// KVM_SET_SREGS fills); IDT with every exception on the stack 1 of the task state.
void Machine::make_tables() {
  constexpr std::uint64_t kCode = 0x00AF9B000000FFFF;
  constexpr std::uint64_t kData = 0x00CF93000000FFFF;
  auto* gdt = reinterpret_cast<std::uint64_t*>(own_ + kGdtOffset);
  gdt[1] = kCode;
  gdt[2] = kData;
  auto* idt = reinterpret_cast<std::uint64_t*>(own_ + kIdtOffset);
  const ImageHeader header = read_header({own_ + kImageOffset, sizeof(ImageHeader)});
  for (unsigned vector = 0; vector < kExceptions; ++vector) {
    const std::uint64_t stub = header.exceptions + vector * kExceptionStubBytes;
    constexpr std::uint64_t kGate = 0x8E01;  // present, interrupt gate, stack 1
    idt[2 * vector] = (stub & 0xFFFF) | 8ull << 16 | kGate << 32 | (stub >> 16 & 0xFFFF) << 48;
    idt[2 * vector + 1] = stub >> 32;
  }
  tables_ =
      std::make_unique<PageTables>(own_ + kTablesOffset, kOwnBytes - kTablesOffset, kTablesOffset);
  tables_->map(kOwnVirtual, 0, kOwnBytes);
}

/// First free place, congruent to the process's address modulo a large page, so that one entry of
/// the second level can map one huge page.
std::optional<std::uint64_t> Machine::take_physical(std::uint64_t size_bytes,
                                                    std::uint64_t remainder) {
  const auto place_from = [&](std::uint64_t from) {
    return (from + kLargePageBytes - 1) / kLargePageBytes * kLargePageBytes + remainder;
  };
  std::uint64_t place = place_from(kFirstPhysical);
  for (const auto& [begin, slot] : slots_) {
    if (begin >= place + size_bytes) {
      break;
    }
    place = place_from(begin + slot.size_bytes);
  }
  return place + size_bytes <= kEndPhysical ? std::optional(place) : std::nullopt;
}

std::optional<std::uint32_t> Machine::take_slot() {
  if (!free_slots_.empty()) {
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  return next_slot_ < slot_limit_ ? std::optional(next_slot_++) : std::nullopt;
}

std::string Machine::add_locked(std::uintptr_t begin, std::uint64_t size_bytes,
                                std::uint64_t guest_virtual) {
  const std::optional<std::uint64_t> physical = take_physical(size_bytes, begin % kLargePageBytes);
  if (!physical) {
    return "no guest-physical addresses are left";
  }
  const std::optional<std::uint32_t> slot = take_slot();
  if (!slot) {
    return "all " + std::to_string(slot_limit_) + " memory slots of the virtual machine are in use";
  }
  const int status = kvm_calls_set_slot(machine_, *slot, *physical, begin, size_bytes);
  if (status < 0) {
    free_slots_.push_back(*slot);
    return kernel_error("KVM_SET_USER_MEMORY_REGION", status);
  }
  slots_.emplace(*physical, Slot{*slot, guest_virtual, size_bytes});
  return tables_->map(guest_virtual, *physical, size_bytes)
             ? std::string()
             : "no room is left for the virtual machine's page tables";
}

std::string Machine::add_memory(std::uintptr_t begin, std::uint64_t size_bytes,
                                std::uint64_t guest_virtual) {
  const std::lock_guard lock(lock_);
  return add_locked(begin, size_bytes, guest_virtual);
}

/// Deleting the slot also drops what vCPUs have cached of it.
void Machine::remove_memory(std::uint64_t guest_virtual, std::uint64_t size_bytes) {
  const std::lock_guard lock(lock_);
  tables_->unmap(guest_virtual, size_bytes);
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const auto& entry) {
    return entry.second.guest_virtual == guest_virtual && entry.second.size_bytes == size_bytes;
  });
  if (found != slots_.end()) {
    kvm_calls_set_slot(machine_, found->second.number, found->first, 0, 0);
    free_slots_.push_back(found->second.number);
    slots_.erase(found);
  }
}

std::string Machine::add_mapping_around(std::uintptr_t address) {
  Vma mapping;
  for_each_vma(address, address + 1, [&](const Vma& found) { mapping = found; });
  if (mapping.end == 0 || !mapping.readable) {
    return kPageNotPresent;
  }
  const std::lock_guard lock(lock_);
  const std::uintptr_t window = address / kWindowBytes * kWindowBytes;
  const std::uintptr_t lowest = std::max<std::uintptr_t>(mapping.begin, window);
  const std::uintptr_t highest = std::min<std::uintptr_t>(mapping.end, window + kWindowBytes);
  std::uintptr_t begin = page_floor(address);
  std::uintptr_t end = begin + kPageSize;
  if (tables_->is_mapped(begin)) {
    return {};  // another vCPU was faster
  }
  while (begin > lowest && !tables_->is_mapped(begin - kPageSize)) {
    begin -= kPageSize;
  }
  while (end < highest && !tables_->is_mapped(end)) {
    end += kPageSize;
  }
  return add_locked(begin, end - begin, begin);
}

std::optional<std::uint64_t> Machine::virtual_address(std::uint64_t guest_physical) {
  const std::lock_guard lock(lock_);
  auto after = slots_.upper_bound(guest_physical);
  if (after == slots_.begin()) {
    return std::nullopt;
  }
  const auto& [begin, slot] = *--after;
  return guest_physical - begin < slot.size_bytes
             ? std::optional(slot.guest_virtual + (guest_physical - begin))
             : std::nullopt;
}

std::string Machine::replace_page(std::uintptr_t address, std::uintptr_t copy) {
  const std::lock_guard lock(lock_);
  return add_locked(copy, kPageSize, page_floor(address));
}

std::uint64_t CounterScale::ticks_at(std::uint64_t counter) const {
  const auto scaled = static_cast<unsigned __int128>(counter - counter_base) * ticks_per_count;
  return clock_base + static_cast<std::uint64_t>(scaled >> 32);
}

std::uint64_t Machine::clock_ticks() const { return scale_.ticks_at(read_counter()); }

}  // namespace softgpu::kvm
