// SPDX-License-Identifier: MIT
// Packets of AMD's DMA engine (SDMA): the finite jobs of the graphics path. Layouts from libdrm's
// tests (IGT lib/amdgpu/amd_ip_blocks.c sdma_ring_const_fill), the same from gfx8 to gfx12.
#pragma once

#include <cstdint>
#include <vector>

namespace notifier::graphics {

/// AMDGPU_FAMILY_AI (Vega) and later write the number of bytes minus one.
inline constexpr std::uint32_t kFamilyVega = 141;

/// One fill writes at most this much here: all engines take it (sdma_v*.c fill_max_bytes).
inline constexpr std::uint64_t kMostFillBytes = 1 << 20;

/// Packets that fill [address, address + bytes) with `value`, `passes` times. Bytes are a multiple
/// of
/// 4. The result is a whole number of 8 words, as an indirect buffer must be.
std::vector<std::uint32_t> fill_packets(std::uint32_t family, std::uint64_t address,
                                        std::uint64_t bytes, std::uint32_t value,
                                        std::uint32_t passes);

/// Words that fill_packets() makes per pass, before padding.
std::uint64_t words_per_pass(std::uint64_t bytes);

}  // namespace notifier::graphics
