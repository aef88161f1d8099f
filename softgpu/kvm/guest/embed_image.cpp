// SPDX-License-Identifier: MIT
// Puts the guest image SOFTGPU_GUEST_IMAGE (a file) into the program.
#include "softgpu/kvm/guest_image.hpp"

__asm__(
    ".pushsection .rodata\n"
    ".balign 4096\n"
    "softgpu_guest_image_begin: .incbin \"" SOFTGPU_GUEST_IMAGE
    "\"\n"
    "softgpu_guest_image_end:\n"
    ".popsection\n");

extern "C" const unsigned char softgpu_guest_image_begin[];
extern "C" const unsigned char softgpu_guest_image_end[];

namespace {

const softgpu::kvm::GuestImageRegistration registration(softgpu_guest_image_begin,
                                                        softgpu_guest_image_end);

}  // namespace
