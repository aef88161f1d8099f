// SPDX-License-Identifier: MIT
// SVM ranges by their attributes (ROCT src/svm.c, kernel kfd_svm.c).
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "softgpu/api/hsakmt_call.hpp"

using namespace softgpu;  // the entry points below are in no namespace
using namespace softgpu::api;

namespace {

// KFD_IOCTL_SVM_FLAG_GPU_ALWAYS_MAPPED of linux/kfd_ioctl.h, from KFD 1.11 on; hsakmt 5.2.3's
// header has no name for it.
constexpr HSAuint32 kAlwaysMapped = 0x40;
// Of every range (svm_range_set_default_attributes); they cannot be taken away here.
constexpr HSAuint32 kUsualFlags = HSA_SVM_FLAG_HOST_ACCESS | HSA_SVM_FLAG_COHERENT;
constexpr HSAuint32 kUndefinedNode = INVALID_NODEID;

std::optional<std::uint8_t> location_of(HSAuint32 node) {
  if (is_gpu(node)) {
    return Location::of_device(node - kFirstGpuNode);
  }
  if (node == kCpuNode) {
    return Location::kHost;
  }
  return node == kUndefinedNode ? std::optional(Location::kUndefined) : std::nullopt;
}

HSAuint32 node_of(std::uint8_t location) {
  if (location == Location::kUndefined) {
    return kUndefinedNode;
  }
  return Location::is_device(location) ? Location::device(location) + kFirstGpuNode : kCpuNode;
}

struct Wanted {
  SvmAttributes attributes;
  std::optional<std::uint8_t> prefetch;  // Location
};

HSAKMT_STATUS read_location(HSAuint32 node, std::optional<std::uint8_t>& location) {
  location = location_of(node);
  return location ? HSAKMT_STATUS_SUCCESS : HSAKMT_STATUS_INVALID_NODE_UNIT;
}

HSAKMT_STATUS read_device(HSAuint32 node, std::uint8_t& devices) {
  if (!is_gpu(node)) {
    return HSAKMT_STATUS_INVALID_NODE_UNIT;
  }
  devices |= DeviceAccess::bit(node - kFirstGpuNode);
  return HSAKMT_STATUS_SUCCESS;
}

HSAKMT_STATUS read_flags(HSAuint32 flags, HSAuint32 allowed, bool set, SvmAttributes& attributes) {
  if ((flags & ~allowed) != 0) {
    return HSAKMT_STATUS_NOT_SUPPORTED;
  }
  if ((flags & kAlwaysMapped) != 0) {
    attributes.always_mapped = set;
  }
  return HSAKMT_STATUS_SUCCESS;
}

HSAKMT_STATUS read_attribute(const HSA_SVM_ATTRIBUTE& attribute, Wanted& wanted) {
  SvmAttributes& attributes = wanted.attributes;
  switch (attribute.type) {
    case HSA_SVM_ATTR_PREFERRED_LOC:
      return read_location(attribute.value, attributes.preferred);
    case HSA_SVM_ATTR_PREFETCH_LOC:
      return read_location(attribute.value, wanted.prefetch);
    case HSA_SVM_ATTR_ACCESS:
      return read_device(attribute.value, attributes.access.migrating);
    case HSA_SVM_ATTR_ACCESS_IN_PLACE:
      return read_device(attribute.value, attributes.access.in_place);
    case HSA_SVM_ATTR_NO_ACCESS:
      return read_device(attribute.value, attributes.no_access);
    case HSA_SVM_ATTR_SET_FLAGS:
      return read_flags(attribute.value, kUsualFlags | kAlwaysMapped, true, attributes);
    case HSA_SVM_ATTR_CLR_FLAGS:
      return read_flags(attribute.value, kAlwaysMapped, false, attributes);
    case HSA_SVM_ATTR_GRANULARITY:
      // More than a block of 2 MiB is never moved at a time here.
      if (attribute.value > PageAttributes::kDefaultGranularity) {
        return HSAKMT_STATUS_NOT_SUPPORTED;
      }
      attributes.granularity = static_cast<std::uint8_t>(attribute.value);
      return HSAKMT_STATUS_SUCCESS;
    default:
      return HSAKMT_STATUS_INVALID_PARAMETER;
  }
}

HSAKMT_STATUS read_attributes(std::span<const HSA_SVM_ATTRIBUTE> attributes, Wanted& wanted) {
  for (const HSA_SVM_ATTRIBUTE& attribute : attributes) {
    if (const HSAKMT_STATUS status = read_attribute(attribute, wanted);
        status != HSAKMT_STATUS_SUCCESS) {
      return status;
    }
  }
  const DeviceAccess& access = wanted.attributes.access;
  const unsigned twice = (access.migrating & access.in_place) |
                         ((access.migrating | access.in_place) & wanted.attributes.no_access);
  return twice == 0 ? HSAKMT_STATUS_SUCCESS : HSAKMT_STATUS_INVALID_PARAMETER;
}

/// On a queue's thread, for the program's are held when memory changes; returns when it is done, as
/// the ioctl.
HSAKMT_STATUS prefetch(const Interval& bytes, std::uint8_t location) {
  if (location == Location::kUndefined) {
    return HSAKMT_STATUS_SUCCESS;
  }
  if (const MemoryError error = device().memory().check_prefetch(bytes, location);
      error != MemoryError::kNone) {
    return to_status(error);
  }
  Queues& queues = device().queues();
  const std::shared_ptr<Queue> queue = queues.add(0, false);
  if (queue == nullptr) {
    return HSAKMT_STATUS_NO_MEMORY;
  }
  Operation operation;
  operation.name = "hsaKmtSVMSetAttr";
  operation.host_work = [bytes, location] { device().memory().prefetch(bytes, location); };
  queues.wait(queues.submit(queue, std::move(operation), WaitsFor::kNothing), "hsaKmtSVMSetAttr");
  queues.remove(queue);
  return HSAKMT_STATUS_SUCCESS;
}

/// The checks of ROCT src/svm.c.
bool is_valid(const void* start, HSAuint64 size_bytes, unsigned count,
              const HSA_SVM_ATTRIBUTE* attributes) {
  const std::uintptr_t address = address_of(start);
  return start != nullptr && size_bytes != 0 && (address | size_bytes) % kPageSize == 0 &&
         address + size_bytes > address && (count == 0 || attributes != nullptr);
}

Interval bytes_of(const void* start, HSAuint64 size_bytes) {
  return {address_of(start), address_of(start) + size_bytes};
}

HSAKMT_STATUS answer(const SvmState& state, HSA_SVM_ATTRIBUTE& attribute) {
  switch (attribute.type) {
    case HSA_SVM_ATTR_PREFERRED_LOC:
      attribute.value = node_of(state.preferred);
      return HSAKMT_STATUS_SUCCESS;
    case HSA_SVM_ATTR_PREFETCH_LOC:
      attribute.value = node_of(state.prefetched);
      return HSAKMT_STATUS_SUCCESS;
    case HSA_SVM_ATTR_ACCESS:
    case HSA_SVM_ATTR_ACCESS_IN_PLACE:
    case HSA_SVM_ATTR_NO_ACCESS: {
      std::uint8_t asked = 0;
      const HSAKMT_STATUS status = read_device(attribute.value, asked);
      attribute.type = (state.access.migrating & asked) != 0  ? HSA_SVM_ATTR_ACCESS
                       : (state.access.in_place & asked) != 0 ? HSA_SVM_ATTR_ACCESS_IN_PLACE
                                                              : HSA_SVM_ATTR_NO_ACCESS;
      return status;
    }
    case HSA_SVM_ATTR_SET_FLAGS:
      attribute.value = kUsualFlags | (state.all_always_mapped ? kAlwaysMapped : 0);
      return HSAKMT_STATUS_SUCCESS;
    case HSA_SVM_ATTR_CLR_FLAGS:
      attribute.value = ~(kUsualFlags | (state.some_always_mapped ? kAlwaysMapped : 0));
      return HSAKMT_STATUS_SUCCESS;
    case HSA_SVM_ATTR_GRANULARITY:
      attribute.value = state.granularity;
      return HSAKMT_STATUS_SUCCESS;
    default:
      return HSAKMT_STATUS_INVALID_PARAMETER;
  }
}

}  // namespace

extern "C" {

HSAKMT_STATUS HSAKMTAPI hsaKmtSVMSetAttr(void* start_addr, HSAuint64 size, unsigned int nattr,
                                         HSA_SVM_ATTRIBUTE* attrs) {
  return thunk_call([=] {
    if (!is_valid(start_addr, size, nattr, attrs)) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    Wanted wanted;
    if (const HSAKMT_STATUS status = read_attributes({attrs, nattr}, wanted);
        status != HSAKMT_STATUS_SUCCESS) {
      return status;
    }
    const Interval bytes = bytes_of(start_addr, size);
    const HSAKMT_STATUS status =
        to_status(device().memory().set_attributes(bytes, wanted.attributes));
    return status == HSAKMT_STATUS_SUCCESS && wanted.prefetch ? prefetch(bytes, *wanted.prefetch)
                                                              : status;
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtSVMGetAttr(void* start_addr, HSAuint64 size, unsigned int nattr,
                                         HSA_SVM_ATTRIBUTE* attrs) {
  return thunk_call([=] {
    if (!is_valid(start_addr, size, nattr, attrs)) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    const SvmState state = device().memory().attributes_of(bytes_of(start_addr, size));
    for (HSA_SVM_ATTRIBUTE& attribute : std::span(attrs, nattr)) {
      if (const HSAKMT_STATUS status = answer(state, attribute); status != HSAKMT_STATUS_SUCCESS) {
        return status;
      }
    }
    return HSAKMT_STATUS_SUCCESS;
  });
}

}  // extern "C"
