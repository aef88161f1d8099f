// SPDX-License-Identifier: MIT
// What host and guest agree on: where the machine's own memory is, and what lies in it. The lower
// half of the guest's address space is the process's; everything here is in the upper half, where
// no process has anything.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softgpu::kvm {

// The machine's own memory begins at guest-physical 0 and is mapped in one piece here.
inline constexpr std::uint64_t kOwnVirtual = 0xFFFFFF8000000000;
inline constexpr std::uint64_t kOwnBytes = 64ull << 20;

// Offsets into it.
inline constexpr std::uint64_t kGdtOffset = 0x1000;
inline constexpr std::uint64_t kIdtOffset = 0x2000;
inline constexpr std::uint64_t kImageOffset = 0x10000;  // guest/image.ld
inline constexpr std::uint64_t kImageEndOffset = 0x100000;
inline constexpr std::uint64_t kVcpusOffset = 0x100000;
inline constexpr std::uint64_t kTablesOffset = 32ull << 20;

// One vCPU's part.
inline constexpr std::uint64_t kVcpuBytes = 0x10000;
inline constexpr std::uint64_t kTaskStateOffset = 0x800;
inline constexpr std::uint64_t kArgumentsOffset = 0x1000;
inline constexpr std::uint64_t kArgumentsBytes = 0x1000;
inline constexpr std::uint64_t kFaultStackEnd = 0x8000;
inline constexpr std::uint64_t kStackEnd = 0x10000;
inline constexpr std::uint32_t kMostVcpus = 256;
static_assert(kVcpusOffset + kMostVcpus * kVcpuBytes <= kTablesOffset);

/// Behind the guest's GS base.
struct VcpuData {
  std::uint32_t wave_index;
  std::uint32_t wave_count;
  // Device clock = clock_base + (counter - counter_base) * ticks_per_count / 2^32
  std::uint64_t counter_base;
  std::uint64_t ticks_per_count;
  std::uint64_t clock_base;
};
static_assert(offsetof(VcpuData, clock_base) == 24);

/// Ports that the guest writes to in order to be heard: an exception's vector is added.
inline constexpr std::uint16_t kExceptionPort = 0x20;
inline constexpr unsigned kExceptions = 32;
inline constexpr unsigned kExceptionStubBytes = 4;
inline constexpr unsigned kPageFaultVector = 14;

struct GuestKernel {
  char name[56];
  std::uint64_t entry;
};

/// First bytes of the image. Addresses are guest-virtual.
struct ImageHeader {
  std::uint64_t magic;
  std::uint64_t start;       // calls rax with rdi, then halts
  std::uint64_t exceptions;  // kExceptions stubs
  std::uint64_t kernels_begin;
  std::uint64_t kernels_end;
  std::uint64_t fences_begin;  // addresses of load fences: 3 bytes each
  std::uint64_t fences_end;
};
inline constexpr std::uint64_t kImageMagic = 0x4547414D494D564B;  // "KVMIMAGE"

}  // namespace softgpu::kvm
