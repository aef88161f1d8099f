// SPDX-License-Identifier: MIT
#include "softgpu/kvm/guest_image.hpp"

#include <cstring>

#include "softgpu/core/report.hpp"

namespace softgpu::kvm {
namespace {

constinit std::span<const unsigned char> the_image;

std::size_t offset_in_image(std::uint64_t guest_virtual) {
  return guest_virtual - (kOwnVirtual + kImageOffset);
}

}  // namespace

GuestImageRegistration::GuestImageRegistration(const unsigned char* begin,
                                               const unsigned char* end) {
  if (!the_image.empty()) {
    fail("this program has two guest images; link one");
  }
  the_image = {begin, end};
}

std::span<const unsigned char> guest_image() { return the_image; }

ImageHeader read_header(std::span<const unsigned char> image) {
  ImageHeader header{};
  if (image.size() >= sizeof(header)) {
    std::memcpy(&header, image.data(), sizeof(header));
  }
  return header;
}

std::uint64_t find_guest_kernel(std::span<const unsigned char> image, std::string_view name) {
  const ImageHeader header = read_header(image);
  for (std::uint64_t row = header.kernels_begin; row < header.kernels_end;
       row += sizeof(GuestKernel)) {
    GuestKernel kernel;
    std::memcpy(&kernel, image.data() + offset_in_image(row), sizeof(kernel));
    if (name == kernel.name) {
      return kernel.entry;
    }
  }
  return 0;
}

}  // namespace softgpu::kvm
