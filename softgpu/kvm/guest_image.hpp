// SPDX-License-Identifier: MIT
// The program's guest image: its kernels compiled for a vCPU (cmake/kvm_guest_image.cmake).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "softgpu/kvm/guest/guest_layout.hpp"

namespace softgpu::kvm {

/// A static object makes the image known before main(). One image a program.
struct GuestImageRegistration {
  GuestImageRegistration(const unsigned char* begin, const unsigned char* end);
};

/// The bytes of the image; empty when the program has none.
std::span<const unsigned char> guest_image();

ImageHeader read_header(std::span<const unsigned char> image);

/// Guest-virtual entry of the kernel; 0 when the image has no such kernel.
std::uint64_t find_guest_kernel(std::span<const unsigned char> image, std::string_view name);

}  // namespace softgpu::kvm
