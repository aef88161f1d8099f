// SPDX-License-Identifier: MIT
// Copies, fills and advice.
#include <array>
#include <cstring>

#include "support.hpp"

namespace softgpu_test::support {
namespace {

constexpr std::size_t kBytes = 3 * kPage + 5;

struct Ends {
  char* device;
  std::array<char, kBytes> there;
  std::array<char, kBytes> back;
};

Ends& fresh_ends() {
  static Ends ends{};
  void* memory = nullptr;
  REQUIRE_HIP(hipMalloc(&memory, kBytes));
  ends.device = static_cast<char*>(memory);
  for (std::size_t index = 0; index < kBytes; ++index) {
    ends.there[index] = static_cast<char>(index * 7);
  }
  return ends;
}

char* managed_bytes() {
  void* memory = nullptr;
  REQUIRE_HIP(hipMallocManaged(&memory, kBytes, hipMemAttachGlobal));
  return static_cast<char*>(memory);
}

constexpr std::array kRows = {
    Row{"hipMemcpy", "every byte goes to the device and comes back",
        [] {
          Ends& ends = fresh_ends();
          REQUIRE_HIP(hipMemcpy(ends.device, ends.there.data(), kBytes, hipMemcpyHostToDevice));
          REQUIRE_HIP(hipMemcpy(ends.back.data(), ends.device, kBytes, hipMemcpyDefault));
          REQUIRE(ends.there == ends.back);
          REQUIRE(hipMemcpy(ends.back.data(), ends.there.data(), kBytes, hipMemcpyDeviceToHost) ==
                  hipErrorInvalidValue);
        }},
    Row{"hipMemcpyAsync", "the same in the order of a stream",
        [] {
          Ends& ends = fresh_ends();
          const hipStream_t stream = new_stream();
          REQUIRE_HIP(hipMemcpyAsync(ends.device, ends.there.data(), kBytes, hipMemcpyHostToDevice,
                                     stream));
          REQUIRE_HIP(
              hipMemcpyAsync(ends.back.data(), ends.device, kBytes, hipMemcpyDeviceToHost, stream));
          REQUIRE_HIP(hipStreamSynchronize(stream));
          REQUIRE(ends.there == ends.back);
        }},
    Row{"hipMemset", "every byte, and none behind",
        [] {
          Ends& ends = fresh_ends();
          REQUIRE_HIP(hipMemset(ends.device, 0, kBytes));
          REQUIRE_HIP(hipMemset(ends.device, 0x5A, kBytes - 1));
          REQUIRE_HIP(hipMemcpy(ends.back.data(), ends.device, kBytes, hipMemcpyDeviceToHost));
          REQUIRE(ends.back[0] == 0x5A && ends.back[kBytes - 2] == 0x5A);
          REQUIRE(ends.back[kBytes - 1] == 0);
        }},
    Row{"hipMemsetAsync", "the same in the order of a stream",
        [] {
          Ends& ends = fresh_ends();
          const hipStream_t stream = new_stream();
          REQUIRE_HIP(hipMemsetAsync(ends.device, 0x21, kBytes, stream));
          REQUIRE_HIP(
              hipMemcpyAsync(ends.back.data(), ends.device, kBytes, hipMemcpyDeviceToHost, stream));
          REQUIRE_HIP(hipStreamSynchronize(stream));
          REQUIRE(ends.back[0] == 0x21 && ends.back[kBytes - 1] == 0x21);
        }},
    Row{"hipMemAdvise", "a preferred location is kept until it is unset",
        [] {
          char* memory = managed_bytes();
          REQUIRE_HIP(hipMemAdvise(memory, kBytes, hipMemAdviseSetPreferredLocation, 0));
          HSA_SVM_ATTRIBUTE attribute{HSA_SVM_ATTR_PREFERRED_LOC, 0};
          REQUIRE(hsaKmtSVMGetAttr(memory, 4 * kPage, 1, &attribute) == HSAKMT_STATUS_SUCCESS);
          REQUIRE(attribute.value == kGpuNode);
          REQUIRE_HIP(hipMemAdvise(memory, kBytes, hipMemAdviseUnsetPreferredLocation, 0));
          REQUIRE(hsaKmtSVMGetAttr(memory, 4 * kPage, 1, &attribute) == HSAKMT_STATUS_SUCCESS);
          REQUIRE(attribute.value == INVALID_NODEID);
          REQUIRE_HIP(hipMemAdvise(memory, kBytes, hipMemAdviseSetAccessedBy, 1));
        },
        "read-mostly and coarse grain, memory that is not managed: hipErrorNotSupported",
        [] {
          REQUIRE(hipMemAdvise(managed_bytes(), kBytes, hipMemAdviseSetReadMostly, 0) ==
                  hipErrorNotSupported);
          REQUIRE(hipMemAdvise(managed_bytes(), kBytes, hipMemAdviseSetCoarseGrain, 0) ==
                  hipErrorNotSupported);
          REQUIRE(hipMemAdvise(host_word(), kPage, hipMemAdviseSetPreferredLocation, 0) ==
                  hipErrorNotSupported);
        }},
};

}  // namespace

std::span<const Row> copy_rows() { return kRows; }

}  // namespace softgpu_test::support
