// SPDX-License-Identifier: MIT
#include "harness/buffer.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <vector>

#include "harness/backing.hpp"
#include "harness/cannot_perform.hpp"
#include "harness/hip_check.hpp"
#include "harness/huge_pages.hpp"
#include "harness/smaps.hpp"

namespace notifier {
namespace {

void advise(void* address, std::size_t size_bytes, int advice, const char* what) {
  if (madvise(address, size_bytes, advice) != 0) {
    throw std::system_error(errno, std::generic_category(), what);
  }
}

void apply_policy(std::byte* host, std::size_t size_bytes, Policy policy) {
  if (policy == Policy::kDontfork) {
    advise(host, size_bytes, MADV_DONTFORK, "madvise(MADV_DONTFORK)");
  }
  if (policy == Policy::kWipeonfork) {
    advise(host, size_bytes, MADV_WIPEONFORK, "madvise(MADV_WIPEONFORK)");
  }
}

ChildView observe_child_view(const std::byte* host, std::size_t size_bytes) {
  if (read_backing(host, size_bytes).every_part_has_dontcopy) return ChildView::kNothing;
  const std::vector<MemoryMapping> mappings = read_smaps(host, size_bytes);
  const auto all_have = [&](std::string_view flag) {
    return std::all_of(mappings.begin(), mappings.end(),
                       [&](const MemoryMapping& one) { return one.has_flag(flag); });
  };
  // kernel/fork.c dup_mmap: no page table is copied for VM_WIPEONFORK.
  if (all_have("wf")) return ChildView::kZeros;
  return all_have("sh") ? ChildView::kSame : ChildView::kCopy;
}

/// Memory of the process's own.
class OwnBuffer : public Buffer {
 public:
  OwnBuffer(Backing backing, Policy policy, std::size_t size) : memory_(backing, size) {
    size_bytes_ = size;
    host_ = memory_.begin();
    apply_policy(host_, size, policy);
    child_view_ = observe_child_view(host_, size);
  }

  std::string backing_mismatch() const override { return memory_.mismatch(); }
  void rebuild() override { memory_.rebuild(); }
  void map_again(std::byte* begin, std::size_t size_bytes) override {
    memory_.map_again(begin, size_bytes);
  }
  void prepare_again(std::byte* begin, std::size_t size_bytes) override {
    memory_.prepare(begin, size_bytes);
  }
  void empty_file() override { memory_.empty_file(); }

 private:
  BackingMemory memory_;
};

class UserptrBuffer final : public OwnBuffer {
 public:
  UserptrBuffer(Backing backing, Policy policy, std::size_t size)
      : OwnBuffer(backing, policy, size) {
    HIP_CHECK(hipHostRegister(host_, size, hipHostRegisterMapped));
    try {
      void* device = nullptr;
      HIP_CHECK(hipHostGetDevicePointer(&device, host_, 0));
      device_ = static_cast<std::uint64_t*>(device);
      child_view_ = observe_child_view(host_, size);  // the runtime may have set a policy
    } catch (...) {
      HIP_CHECK_NO_THROW(hipHostUnregister(host_));
      throw;
    }
    // kfd_facts §0.2: equal addresses mean that the runtime registered an SVM range.
    path_ = static_cast<void*>(device_) == host_ ? MemoryPath::kSvmRange : MemoryPath::kUserptrBo;
  }
  ~UserptrBuffer() override { HIP_CHECK_NO_THROW(hipHostUnregister(host_)); }
};

/// Memory that the device is not told of: its own retry faults find it (kfd_facts §2).
class SystemBuffer final : public OwnBuffer {
 public:
  SystemBuffer(Backing backing, Policy policy, std::size_t size)
      : OwnBuffer(backing, policy, size) {
    int pageable = 0;
    HIP_CHECK(hipDeviceGetAttribute(&pageable, hipDeviceAttributePageableMemoryAccess, 0));
    if (pageable == 0) {
      throw CannotPerform(
          "the device serves no retry faults in this process (HSA_XNACK=1 needs a GPU and a driver "
          "that can)");
    }
    device_ = reinterpret_cast<std::uint64_t*>(host_);
    path_ = MemoryPath::kSvmRange;
  }
};

/// Memory in a process that has no device.
class PlainBuffer final : public OwnBuffer {
 public:
  PlainBuffer(Backing backing, Policy policy, std::size_t size) : OwnBuffer(backing, policy, size) {
    path_ = MemoryPath::kNoDevice;
  }
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
      keep_base_pages(host_, size);
      apply_policy(host_, size, policy);
      child_view_ = observe_child_view(host_, size);
    } catch (...) {
      HIP_CHECK_NO_THROW(hipFree(managed));
      throw;
    }
  }
  ~ManagedBuffer() override { HIP_CHECK_NO_THROW(hipFree(host_)); }

  std::string backing_mismatch() const override {
    return notifier::backing_mismatch(Backing::kAnon, host_, size_bytes_);
  }
  void prepare_again(std::byte* begin, std::size_t size_bytes) override {
    keep_base_pages(begin, size_bytes);
  }
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
      keep_base_pages(host_, size);
      apply_policy(host_, size, policy);
      void* device = nullptr;
      HIP_CHECK(hipHostGetDevicePointer(&device, host, 0));
      device_ = static_cast<std::uint64_t*>(device);
      path_ = observed_path();
      child_view_ = observe_child_view(host_, size);
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

std::string_view to_string(ChildView view) {
  switch (view) {
    case ChildView::kNothing:
      return "nothing";
    case ChildView::kCopy:
      return "copy";
    case ChildView::kZeros:
      return "zeros";
    case ChildView::kSame:
      break;
  }
  return "shared";
}

void Buffer::map_again(std::byte* begin, std::size_t size_bytes) {
  if (mmap(begin, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
           0) == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(),
                            "mmap(MAP_FIXED) over the workload's memory");
  }
}

void Buffer::rebuild() {
  advise(host_, size_bytes_, MADV_DONTNEED, "madvise(MADV_DONTNEED) to rebuild the memory");
}

void Buffer::empty_file() { throw std::logic_error("no file lies behind this memory"); }

std::unique_ptr<Buffer> allocate_buffer(const Case& wanted) {
  const std::size_t size_bytes = wanted.size_bytes;
  switch (wanted.memory) {
    case Memory::kUserptr:
      return std::make_unique<UserptrBuffer>(wanted.backing, wanted.policy, size_bytes);
    case Memory::kSystem:
      return std::make_unique<SystemBuffer>(wanted.backing, wanted.policy, size_bytes);
    case Memory::kPlain:
      return std::make_unique<PlainBuffer>(wanted.backing, wanted.policy, size_bytes);
    case Memory::kManaged:
      return std::make_unique<ManagedBuffer>(wanted.policy, size_bytes);
    case Memory::kHost:
      return std::make_unique<HostBuffer>(wanted.policy, size_bytes);
    case Memory::kVram:
      return std::make_unique<VramBuffer>(size_bytes);
  }
  throw std::logic_error("unknown memory kind");
}

}  // namespace notifier
