// SPDX-License-Identifier: MIT
#include "bench/thunk_memory.hpp"

#include <fmt/format.h>
#include <hsakmt.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace notifier {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr HSAuint32 kCpuNode = 0;

void check(HSAKMT_STATUS status, std::string_view call, std::size_t size_bytes) {
  if (status == HSAKMT_STATUS_SUCCESS) return;
  throw ThunkError(fmt::format("{} of {} failed with status {}", call, format_size(size_bytes),
                               static_cast<int>(status)));
}

class UserptrKind final : public ThunkRangeKind {
 public:
  explicit UserptrKind(std::uint32_t node) : node_(node) {}

  void register_memory(std::byte* begin, std::size_t size_bytes) const override {
    HsaMemFlags flags{};
    flags.ui32.HostAccess = 1;  // fine-grained, paged: what hipHostRegister asks for
    check(hsaKmtRegisterMemoryWithFlags(begin, size_bytes, flags), "hsaKmtRegisterMemoryWithFlags",
          size_bytes);
  }
  std::uint64_t map(std::byte* begin, std::size_t size_bytes) const override {
    HSAuint64 device_address = 0;
    HSAuint32 nodes[] = {node_};
    check(hsaKmtMapMemoryToGPUNodes(begin, size_bytes, &device_address, HsaMemMapFlags{}, 1, nodes),
          "hsaKmtMapMemoryToGPUNodes", size_bytes);
    return device_address;
  }
  void unmap(std::byte* begin, std::size_t size_bytes) const override {
    check(hsaKmtUnmapMemoryToGPU(begin), "hsaKmtUnmapMemoryToGPU", size_bytes);
  }
  void deregister(std::byte* begin, std::size_t size_bytes) const override {
    check(hsaKmtDeregisterMemory(begin), "hsaKmtDeregisterMemory", size_bytes);
  }
  bool ends_with_mapping() const override { return false; }

 private:
  std::uint32_t node_;
};

class SvmKind final : public ThunkRangeKind {
 public:
  explicit SvmKind(std::uint32_t node) : node_(node) {}

  void register_memory(std::byte* begin, std::size_t size_bytes) const override {
    // Pages stay in system memory; nobody has access yet (with XNACK on every GPU has it, by
    // fault).
    set(begin, size_bytes, HSA_SVM_ATTR_PREFERRED_LOC, kCpuNode, "hsaKmtSVMSetAttr(preferred)");
  }
  std::uint64_t map(std::byte* begin, std::size_t size_bytes) const override {
    set(begin, size_bytes, HSA_SVM_ATTR_ACCESS_IN_PLACE, node_, "hsaKmtSVMSetAttr(access)");
    return reinterpret_cast<std::uint64_t>(begin);
  }
  void unmap(std::byte* begin, std::size_t size_bytes) const override {
    set(begin, size_bytes, HSA_SVM_ATTR_NO_ACCESS, node_, "hsaKmtSVMSetAttr(no access)");
  }
  void deregister(std::byte* begin, std::size_t size_bytes) const override {
    if (munmap(begin, size_bytes) != 0) {
      throw std::system_error(errno, std::generic_category(), "munmap of an SVM range");
    }
  }
  bool ends_with_mapping() const override { return true; }

 private:
  static void set(std::byte* begin, std::size_t size_bytes, HSAuint32 type, HSAuint32 value,
                  std::string_view call) {
    HSA_SVM_ATTRIBUTE attribute{type, value};
    check(hsaKmtSVMSetAttr(begin, size_bytes, 1, &attribute), call, size_bytes);
  }

  std::uint32_t node_;
};

}  // namespace

Thunk::Thunk() {
  setenv("HSA_USE_SVM", "0", /*overwrite=*/0);
  const HSAKMT_STATUS status = hsaKmtOpenKFD();
  if (status != HSAKMT_STATUS_SUCCESS) {
    throw std::runtime_error(
        fmt::format("hsaKmtOpenKFD failed with status {}. Needed: the amdgpu driver (/dev/kfd) and "
                    "the right to open it (groups render and video).",
                    static_cast<int>(status)));
  }
  try {
    find_gpu();
  } catch (...) {
    hsaKmtCloseKFD();
    throw;
  }
}

Thunk::~Thunk() {
  hsaKmtReleaseSystemProperties();
  hsaKmtCloseKFD();
}

void Thunk::find_gpu() {
  HsaSystemProperties system{};
  if (hsaKmtAcquireSystemProperties(&system) != HSAKMT_STATUS_SUCCESS) {
    throw std::runtime_error("hsaKmtAcquireSystemProperties failed: KFD shows no topology");
  }
  for (HSAuint32 node = 0; node < system.NumNodes; ++node) {
    // Room behind the structure, since newer libraries write a longer one; the fields that are read
    // have the same place in all.
    union {
      HsaNodeProperties properties;
      char room[2 * sizeof(HsaNodeProperties) + 1024];
    } buffer{};
    if (hsaKmtGetNodeProperties(node, &buffer.properties) != HSAKMT_STATUS_SUCCESS) continue;
    if (buffer.properties.NumFComputeCores == 0) continue;
    node_ = node;
    node_name_ = reinterpret_cast<const char*>(buffer.properties.AMDName);
    has_svm_ = buffer.properties.Capability.ui32.SVMAPISupported != 0;
    return;
  }
  throw std::runtime_error("hsakmt's topology has no GPU node");
}

std::string_view Thunk::platform() const {
  return node_name_.starts_with("softgpu") ? "software" : "rocm";
}

std::unique_ptr<ThunkRangeKind> make_userptr_kind(const Thunk& thunk) {
  return std::make_unique<UserptrKind>(thunk.node());
}

std::unique_ptr<ThunkRangeKind> make_svm_kind(const Thunk& thunk) {
  return std::make_unique<SvmKind>(thunk.node());
}

// Every second page, since SVM ranges beside each other could become one.
StandingRanges::StandingRanges(const ThunkRangeKind& kind, std::size_t count)
    : kind_(kind), memory_(std::max<std::size_t>(1, 2 * count) * kPageBytes) {
  try {
    for (; registered_ < count; ++registered_) {
      kind_.register_memory(page(registered_), kPageBytes);
      kind_.map(page(registered_), kPageBytes);
    }
  } catch (...) {
    end();
    throw;
  }
}

StandingRanges::~StandingRanges() { end(); }

std::byte* StandingRanges::page(std::size_t number) const {
  return memory_.begin() + 2 * number * kPageBytes;
}

void StandingRanges::end() {
  if (kind_.ends_with_mapping()) return;  // with the memory's
  for (std::size_t number = 0; number < registered_; ++number) {
    try {
      kind_.unmap(page(number), kPageBytes);
      kind_.deregister(page(number), kPageBytes);
    } catch (const std::exception& error) {
      fmt::print(stderr, "a standing range is left: {}\n", error.what());
      return;
    }
  }
}

}  // namespace notifier
