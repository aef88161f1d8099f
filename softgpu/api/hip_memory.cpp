// SPDX-License-Identifier: MIT
// Memory: registration, allocation, copies, advice.
#include <optional>
#include <utility>

#include "softgpu/api/hip_call.hpp"
#include "softgpu/core/copy.hpp"

using namespace softgpu;  // the entry points below are in no namespace

namespace softgpu::api {
namespace {

std::uintptr_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

hipError_t allocate(RangeOrigin origin, void** pointer, std::size_t size_bytes) {
  if (pointer == nullptr) {
    return hipErrorInvalidValue;
  }
  *pointer = nullptr;
  if (size_bytes == 0) {
    return hipSuccess;  // as HIP: nothing, and no error
  }
  std::uintptr_t address = 0;
  const MemoryError error =
      device().memory().allocate(origin, size_bytes, address, current_device());
  *pointer = reinterpret_cast<void*>(address);
  return to_hip_error(error);
}

/// Ends an allocation once nothing runs any more, as HIP does (kfd_facts §0.32).
hipError_t release(std::initializer_list<RangeOrigin> origins, void* pointer, const char* name) {
  if (pointer == nullptr) {
    return hipSuccess;
  }
  device().queues().wait_for_all(name);
  for (const RangeOrigin origin : origins) {
    if (device().memory().release(origin, address_of(pointer)) == MemoryError::kNone) {
      return hipSuccess;
    }
  }
  return hipErrorInvalidValue;
}

/// The device's or the host's view of one end of a copy; nothing when it leaves its range.
std::optional<CopyEnd> copy_end(const void* pointer, std::size_t size_bytes) {
  const std::uintptr_t address = address_of(pointer);
  const std::optional<RangeInfo> range = device().memory().find(address);
  if (!range) {
    return CopyEnd{.address = address, .on_device = false};
  }
  const bool is_device_address = address - range->device_pointer < range->size_bytes;
  const std::uintptr_t offset =
      address - (is_device_address ? range->device_pointer : range->host_pointer);
  if (offset > range->size_bytes || size_bytes > range->size_bytes - offset) {
    return std::nullopt;
  }
  return CopyEnd{.address = range->device_pointer + offset, .on_device = true};
}

hipError_t submit_copy(Operation operation, hipStream_t stream, bool wait, const char* name) {
  const std::shared_ptr<Queue> queue = queue_of(stream);
  if (queue == nullptr) {
    return hipErrorInvalidHandle;
  }
  // Every copy waits for what runs, on whatever stream: a blit needs the compute units that a
  // persistent kernel occupies (kfd_facts §0.32).
  Queues& queues = device().queues();
  const QueuePoint point = queues.submit(queue, std::move(operation), WaitsFor::kAllQueues);
  if (wait) {
    queues.wait(point, name);
  }
  return hipSuccess;
}

struct CopyRequest {
  void* destination;
  const void* source;
  std::size_t size_bytes;
  hipMemcpyKind kind;
};

hipError_t copy(const CopyRequest& request, hipStream_t stream, bool wait, const char* name) {
  if (request.size_bytes == 0) {
    return hipSuccess;
  }
  if (request.destination == nullptr || request.source == nullptr) {
    return hipErrorInvalidValue;
  }
  if (request.kind < hipMemcpyHostToHost || request.kind > hipMemcpyDefault) {
    return hipErrorInvalidMemcpyDirection;
  }
  const std::optional<CopyEnd> destination = copy_end(request.destination, request.size_bytes);
  const std::optional<CopyEnd> source = copy_end(request.source, request.size_bytes);
  const bool to_device =
      request.kind == hipMemcpyHostToDevice || request.kind == hipMemcpyDeviceToDevice;
  const bool from_device =
      request.kind == hipMemcpyDeviceToHost || request.kind == hipMemcpyDeviceToDevice;
  if (!destination || !source || (to_device && !destination->on_device) ||
      (from_device && !source->on_device)) {
    return hipErrorInvalidValue;
  }
  return submit_copy(make_copy(name, *destination, *source, request.size_bytes), stream, wait,
                     name);
}

hipError_t fill(void* destination, int value, std::size_t size_bytes, hipStream_t stream, bool wait,
                const char* name) {
  if (size_bytes == 0) {
    return hipSuccess;
  }
  const std::optional<CopyEnd> end = copy_end(destination, size_bytes);
  if (destination == nullptr || !end || !end->on_device) {
    return hipErrorInvalidValue;
  }
  return submit_copy(make_fill(name, *end, static_cast<unsigned char>(value), size_bytes), stream,
                     wait, name);
}

hipError_t register_host(void* pointer, std::size_t size_bytes, unsigned flags) {
  constexpr unsigned kKnown = hipHostRegisterPortable | hipHostRegisterMapped;
  if ((flags & ~kKnown) != 0) {
    return (flags & (hipHostRegisterIoMemory | hipExtHostRegisterCoarseGrained)) != 0
               ? hipErrorNotSupported
               : hipErrorInvalidValue;
  }
  return to_hip_error(device().memory().register_host(address_of(pointer), size_bytes));
}

hipError_t host_malloc(void** pointer, std::size_t size_bytes, unsigned flags) {
  constexpr unsigned kKnown =
      hipHostMallocPortable | hipHostMallocMapped | hipHostMallocCoherent | hipHostMallocNumaUser;
  if ((flags & ~kKnown) != 0) {
    return hipErrorNotSupported;  // write-combined and non-coherent memory
  }
  return allocate(RangeOrigin::kHostMalloc, pointer, size_bytes);
}

hipError_t pointer_attributes(hipPointerAttribute_t* attributes, const void* pointer) {
  const std::optional<RangeInfo> range = device().memory().find(address_of(pointer));
  if (attributes == nullptr || !range) {
    return hipErrorInvalidValue;
  }
  *attributes = {};
  const bool vram = range->origin == RangeOrigin::kVram;
  attributes->memoryType = vram ? hipMemoryTypeDevice : hipMemoryTypeHost;
  attributes->devicePointer = reinterpret_cast<void*>(range->device_pointer);
  attributes->hostPointer = vram ? nullptr : reinterpret_cast<void*>(range->host_pointer);
  attributes->device = static_cast<int>(range->device);
  attributes->isManaged = range->origin == RangeOrigin::kManaged ? 1 : 0;
  return hipSuccess;
}

hipError_t device_pointer(void** result, void* host_pointer, unsigned flags) {
  if (result == nullptr || host_pointer == nullptr || flags != 0) {
    return hipErrorInvalidValue;
  }
  *result = nullptr;
  const std::uintptr_t address = address_of(host_pointer);
  const std::optional<RangeInfo> range = device().memory().find(address);
  if (!range || range->origin == RangeOrigin::kVram ||
      address - range->host_pointer >= range->size_bytes) {
    return hipErrorInvalidValue;
  }
  *result = reinterpret_cast<void*>(range->device_pointer + (address - range->host_pointer));
  return hipSuccess;
}

}  // namespace
}  // namespace softgpu::api

extern "C" {

hipError_t hipHostRegister(void* hostPtr, size_t sizeBytes, unsigned int flags) {
  return api::call([=] { return api::register_host(hostPtr, sizeBytes, flags); });
}

hipError_t hipHostUnregister(void* hostPtr) {
  return api::call([=] {
    device().queues().wait_for_all("hipHostUnregister");
    return api::to_hip_error(device().memory().unregister_host(api::address_of(hostPtr)));
  });
}

hipError_t hipHostGetDevicePointer(void** devPtr, void* hstPtr, unsigned int flags) {
  return api::call([=] { return api::device_pointer(devPtr, hstPtr, flags); });
}

hipError_t hipHostMalloc(void** ptr, size_t size, unsigned int flags) {
  return api::call([=] { return api::host_malloc(ptr, size, flags); });
}

hipError_t hipHostFree(void* ptr) {
  return api::call([=] { return api::release({RangeOrigin::kHostMalloc}, ptr, "hipHostFree"); });
}

hipError_t hipMallocManaged(void** dev_ptr, size_t size, unsigned int flags) {
  return api::call([=] {
    if (flags != hipMemAttachGlobal) {
      return flags == hipMemAttachHost ? hipErrorNotSupported : hipErrorInvalidValue;
    }
    return api::allocate(RangeOrigin::kManaged, dev_ptr, size);
  });
}

hipError_t hipMalloc(void** ptr, size_t size) {
  return api::call([=] { return api::allocate(RangeOrigin::kVram, ptr, size); });
}

hipError_t hipFree(void* ptr) {
  return api::call([=] {
    return api::release({RangeOrigin::kVram, RangeOrigin::kManaged}, ptr, "hipFree");
  });
}

hipError_t hipMemGetInfo(size_t* free, size_t* total) {
  return api::call([=] {
    if (free == nullptr || total == nullptr) {
      return hipErrorInvalidValue;
    }
    *total = device().memory().vram_bytes();
    *free = device().memory().vram_free_bytes(api::current_device());
    return hipSuccess;
  });
}

hipError_t hipMemcpy(void* dst, const void* src, size_t sizeBytes, hipMemcpyKind kind) {
  return api::call([=] {
    return api::copy({dst, src, sizeBytes, kind}, nullptr, true, "hipMemcpy");
  });
}

hipError_t hipMemcpyAsync(void* dst, const void* src, size_t sizeBytes, hipMemcpyKind kind,
                          hipStream_t stream) {
  return api::call([=] {
    return api::copy({dst, src, sizeBytes, kind}, stream, false, "hipMemcpyAsync");
  });
}

hipError_t hipMemset(void* dst, int value, size_t sizeBytes) {
  return api::call([=] { return api::fill(dst, value, sizeBytes, nullptr, true, "hipMemset"); });
}

hipError_t hipMemsetAsync(void* dst, int value, size_t sizeBytes, hipStream_t stream) {
  return api::call(
      [=] { return api::fill(dst, value, sizeBytes, stream, false, "hipMemsetAsync"); });
}

hipError_t hipPointerGetAttributes(hipPointerAttribute_t* attributes, const void* ptr) {
  return api::call([=] { return api::pointer_attributes(attributes, ptr); });
}

}  // extern "C"
