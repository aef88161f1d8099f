// SPDX-License-Identifier: MIT
#include "harness/buffer.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "harness/hip_check.hpp"
#include "harness/huge_pages.hpp"
#include "harness/smaps.hpp"

namespace notifier {
namespace {

constexpr std::size_t kHugePageBytes = 2 << 20;
// Room behind the buffer where munmap_neighbour maps and unmaps; never used by another mapping.
constexpr std::size_t kNeighbourRoomBytes = 2 << 20;

void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// An address range of huge-page alignment with unmapped room behind it. Fresh for every case: SVM
/// registrations outlive hipHostUnregister (kfd_facts §0.3).
std::byte* map_anonymous(std::size_t size_bytes) {
  const std::size_t reserved = size_bytes + kHugePageBytes + kNeighbourRoomBytes;
  void* region =
      mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) throw_errno("mmap of an address range for the workload's memory");
  const auto first = reinterpret_cast<std::uintptr_t>(region);
  const std::uintptr_t aligned = (first + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  munmap(region, reserved);
  void* memory = mmap(reinterpret_cast<void*>(aligned), size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (memory == MAP_FAILED) throw_errno("mmap of the workload's memory");
  return static_cast<std::byte*>(memory);
}

void advise(void* address, std::size_t size_bytes, int advice, const char* what) {
  if (madvise(address, size_bytes, advice) != 0) throw_errno(what);
}

void apply_policy(std::byte* host, std::size_t size_bytes, Policy policy) {
  keep_base_pages(host, size_bytes);
  if (policy == Policy::kDontfork)
    advise(host, size_bytes, MADV_DONTFORK, "madvise(MADV_DONTFORK)");
}

bool is_inherited(const std::byte* host, std::size_t size_bytes) {
  return read_backing(host, size_bytes).copied_on_fork;
}

class UserptrBuffer final : public Buffer {
 public:
  UserptrBuffer(Policy policy, std::size_t size) {
    size_bytes_ = size;
    host_ = map_anonymous(size);
    try {
      apply_policy(host_, size, policy);
      HIP_CHECK(hipHostRegister(host_, size, hipHostRegisterMapped));
      registered_ = true;
      void* device = nullptr;
      HIP_CHECK(hipHostGetDevicePointer(&device, host_, 0));
      device_ = static_cast<std::uint64_t*>(device);
    } catch (...) {
      release();
      throw;
    }
    // kfd_facts §0.2: equal addresses mean that the runtime registered an SVM range.
    path_ = static_cast<void*>(device_) == host_ ? MemoryPath::kSvmRange : MemoryPath::kUserptrBo;
    inherited_by_fork_ = is_inherited(host_, size);
  }
  ~UserptrBuffer() override { release(); }

 private:
  void release() {
    if (registered_) HIP_CHECK_NO_THROW(hipHostUnregister(host_));
    munmap(host_, size_bytes_);
  }
  bool registered_ = false;
};

class ManagedBuffer final : public Buffer {
 public:
  ManagedBuffer(Policy policy, std::size_t size) {
    size_bytes_ = size;
    void* managed = nullptr;
    HIP_CHECK(hipMallocManaged(&managed, size, hipMemAttachGlobal));
    host_ = static_cast<std::byte*>(managed);
    device_ = static_cast<std::uint64_t*>(managed);
    path_ = MemoryPath::kSvmRange;
    try {
      apply_policy(host_, size, policy);
      inherited_by_fork_ = is_inherited(host_, size);
    } catch (...) {
      HIP_CHECK_NO_THROW(hipFree(managed));
      throw;
    }
  }
  ~ManagedBuffer() override { HIP_CHECK_NO_THROW(hipFree(host_)); }
};

class HostBuffer final : public Buffer {
 public:
  HostBuffer(Policy policy, std::size_t size) {
    size_bytes_ = size;
    void* host = nullptr;
    // Coherent: fine-grained, or the CPU would not see the device's writes while the kernel runs.
    HIP_CHECK(hipHostMalloc(&host, size, hipHostMallocCoherent | hipHostMallocMapped));
    host_ = static_cast<std::byte*>(host);
    try {
      apply_policy(host_, size, policy);
      void* device = nullptr;
      HIP_CHECK(hipHostGetDevicePointer(&device, host, 0));
      device_ = static_cast<std::uint64_t*>(device);
      path_ = observed_path();
      inherited_by_fork_ = is_inherited(host_, size);
    } catch (...) {
      HIP_CHECK_NO_THROW(hipHostFree(host));
      throw;
    }
  }
  ~HostBuffer() override { HIP_CHECK_NO_THROW(hipHostFree(host_)); }

 private:
  // kfd_facts §0.15, §0.33: paged host memory is a userptr BO; later runtimes map it shared; driver
  // memory (GTT) shows as a PFN or I/O mapping.
  MemoryPath observed_path() const {
    for (const MemoryMapping& entry : read_smaps(host_, size_bytes_)) {
      if (entry.has_flag("pf") || entry.has_flag("io")) return MemoryPath::kGtt;
      if (entry.has_flag("sh")) return MemoryPath::kShared;
    }
    return MemoryPath::kUserptrBo;
  }
};

class VramBuffer final : public Buffer {
 public:
  explicit VramBuffer(std::size_t size) {
    size_bytes_ = size;
    void* device = nullptr;
    HIP_CHECK(hipMalloc(&device, size));
    device_ = static_cast<std::uint64_t*>(device);
    path_ = MemoryPath::kVram;
  }
  ~VramBuffer() override { HIP_CHECK_NO_THROW(hipFree(device_)); }
};

}  // namespace

std::unique_ptr<Buffer> allocate_buffer(Memory memory, Policy policy, std::size_t size_bytes) {
  switch (memory) {
    case Memory::kUserptr:
      return std::make_unique<UserptrBuffer>(policy, size_bytes);
    case Memory::kManaged:
      return std::make_unique<ManagedBuffer>(policy, size_bytes);
    case Memory::kHost:
      return std::make_unique<HostBuffer>(policy, size_bytes);
    case Memory::kVram:
      return std::make_unique<VramBuffer>(size_bytes);
  }
  throw std::logic_error("unknown memory kind");
}

}  // namespace notifier
