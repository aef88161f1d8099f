// SPDX-License-Identifier: MIT
// Where managed memory is to live.
#include <optional>
#include <utility>

#include "softgpu/api/hip_call.hpp"
#include "softgpu/core/address_space.hpp"

using namespace softgpu;  // the entry points below are in no namespace

namespace softgpu::api {
namespace {

std::optional<std::uint8_t> location_of(int ordinal) {
  if (ordinal == hipCpuDeviceId) {
    return Location::kHost;
  }
  return is_device(ordinal)
             ? std::optional(Location::of_device(static_cast<std::uint32_t>(ordinal)))
             : std::nullopt;
}

bool is_valid(const void* pointer, std::size_t size_bytes) {
  return pointer != nullptr && size_is_valid(reinterpret_cast<std::uintptr_t>(pointer), size_bytes);
}

Interval bytes_of(const void* pointer, std::size_t size_bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(pointer);
  return {begin, begin + size_bytes};
}

hipError_t advise(const void* pointer, std::size_t size_bytes, hipMemoryAdvise advice,
                  int ordinal) {
  const std::optional<std::uint8_t> location = location_of(ordinal);
  if (!is_valid(pointer, size_bytes) || !location) {
    return hipErrorInvalidValue;
  }
  Memory& memory = device().memory();
  const Interval bytes = bytes_of(pointer, size_bytes);
  const std::optional<RangeInfo> range = memory.find(bytes.begin);
  if (!range) {
    return hipErrorInvalidValue;
  }
  if (range->origin != RangeOrigin::kManaged) {
    return hipErrorNotSupported;
  }
  switch (advice) {
    case hipMemAdviseSetPreferredLocation:
      return to_hip_error(memory.set_preferred(bytes, *location));
    case hipMemAdviseUnsetPreferredLocation:
      return to_hip_error(memory.set_preferred(bytes, Location::kUndefined));
    case hipMemAdviseSetAccessedBy:
      return hipSuccess;  // every device reaches all managed memory, wherever it lives
    default:
      return hipErrorNotSupported;
  }
}

hipError_t prefetch(const void* pointer, std::size_t size_bytes, int ordinal, hipStream_t stream) {
  const std::optional<std::uint8_t> location = location_of(ordinal);
  if (!location) {
    return hipErrorInvalidDevice;
  }
  if (!is_valid(pointer, size_bytes)) {
    return hipErrorInvalidValue;
  }
  const std::shared_ptr<Queue> queue = queue_of(stream);
  if (queue == nullptr) {
    return hipErrorInvalidHandle;
  }
  const Interval bytes = bytes_of(pointer, size_bytes);
  Memory& memory = device().memory();
  const std::optional<RangeInfo> range = memory.find(bytes.begin);
  if (!range || (range->origin == RangeOrigin::kSvmAttributes && !memory.retry_faults())) {
    return hipErrorNotSupported;  // memory of the program's own (kfd_facts §7)
  }
  if (const MemoryError error = memory.check_prefetch(bytes, *location);
      error != MemoryError::kNone) {
    return to_hip_error(error);
  }
  Operation operation;
  operation.name = "hipMemPrefetchAsync";
  operation.host_work = [bytes, where = *location] { device().memory().prefetch(bytes, where); };
  Queues& queues = device().queues();
  const QueuePoint point = queues.submit(queue, std::move(operation), stream_order(stream, *queue));
  if (!device().waves().preempts()) {
    // The migration waits for every job submitted before it: there must be none that waits for it.
    queues.wait(point, "hipMemPrefetchAsync");
  }
  return hipSuccess;
}

}  // namespace
}  // namespace softgpu::api

extern "C" {

hipError_t hipMemAdvise(const void* dev_ptr, size_t count, hipMemoryAdvise advice, int location) {
  return api::call([=] { return api::advise(dev_ptr, count, advice, location); });
}

hipError_t hipMemPrefetchAsync(const void* dev_ptr, size_t count, int location,
                               hipStream_t stream) {
  return api::call([=] { return api::prefetch(dev_ptr, count, location, stream); });
}

}  // extern "C"
