// SPDX-License-Identifier: MIT
// Streams and events.
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "softgpu/api/hip_call.hpp"
#include "softgpu/core/clock.hpp"

struct ihipStream_t {
  std::shared_ptr<softgpu::Queue> queue;
  unsigned flags;
};

struct ihipEvent_t {
  std::mutex lock;
  std::optional<softgpu::QueuePoint> point;  // of the last hipEventRecord
  std::shared_ptr<std::atomic<std::uint64_t>> time_ns;
  bool timed;
};

namespace softgpu::api {
namespace {

/// Handles that were given out and not taken back.
template <typename Handle>
class HandleTable {
 public:
  Handle* add(std::unique_ptr<Handle> handle) {
    const std::lock_guard lock(lock_);
    Handle* key = handle.get();
    handles_.emplace(key, std::move(handle));
    return key;
  }
  std::shared_ptr<Handle> find(Handle* key) {
    const std::lock_guard lock(lock_);
    const auto found = handles_.find(key);
    return found == handles_.end() ? nullptr : found->second;
  }
  std::shared_ptr<Handle> take(Handle* key) {
    const std::lock_guard lock(lock_);
    const auto node = handles_.extract(key);
    return node.empty() ? nullptr : node.mapped();
  }

 private:
  std::mutex lock_;
  std::map<Handle*, std::shared_ptr<Handle>> handles_;
};

HandleTable<ihipStream_t>& streams() {
  static auto* const table = new HandleTable<ihipStream_t>;
  return *table;
}

HandleTable<ihipEvent_t>& events() {
  static auto* const table = new HandleTable<ihipEvent_t>;
  return *table;
}

hipError_t create_stream(hipStream_t* stream, unsigned flags) {
  if (stream == nullptr || (flags != hipStreamDefault && flags != hipStreamNonBlocking)) {
    return hipErrorInvalidValue;
  }
  std::shared_ptr<Queue> queue = device().queues().add(current_device(), flags == hipStreamDefault);
  if (queue == nullptr) {
    return hipErrorOutOfMemory;
  }
  *stream = streams().add(std::make_unique<ihipStream_t>(std::move(queue), flags));
  return hipSuccess;
}

hipError_t create_event(hipEvent_t* event, unsigned flags) {
  constexpr unsigned kKnown = hipEventBlockingSync | hipEventDisableTiming;
  if (event == nullptr || (flags & ~kKnown) != 0) {
    return hipErrorInvalidValue;
  }
  auto made = std::make_unique<ihipEvent_t>();
  made->timed = (flags & hipEventDisableTiming) == 0;
  *event = events().add(std::move(made));
  return hipSuccess;
}

/// The point that the event was last recorded at; nothing for an event never recorded.
std::optional<QueuePoint> point_of(ihipEvent_t& event) {
  const std::lock_guard lock(event.lock);
  return event.point;
}

bool is_complete(ihipEvent_t& event) {
  const std::optional<QueuePoint> point = point_of(event);
  return !point || point->queue->finished(point->position);
}

hipError_t record_event(hipEvent_t handle, hipStream_t stream) {
  const std::shared_ptr<ihipEvent_t> event = events().find(handle);
  const std::shared_ptr<Queue> queue = queue_of(stream);
  if (event == nullptr || queue == nullptr) {
    return hipErrorInvalidHandle;
  }
  auto time_ns = std::make_shared<std::atomic<std::uint64_t>>(0);
  Operation operation;
  operation.name = "hipEventRecord";
  operation.host_work = [time_ns] { time_ns->store(read_clock_ns(CLOCK_MONOTONIC_RAW)); };
  const QueuePoint point =
      device().queues().submit(queue, std::move(operation), stream_order(stream, *queue));
  const std::lock_guard lock(event->lock);
  event->point = point;
  event->time_ns = std::move(time_ns);
  return hipSuccess;
}

hipError_t elapsed_time(float* ms, hipEvent_t start_handle, hipEvent_t stop_handle) {
  const std::shared_ptr<ihipEvent_t> start = events().find(start_handle);
  const std::shared_ptr<ihipEvent_t> stop = events().find(stop_handle);
  if (ms == nullptr) {
    return hipErrorInvalidValue;
  }
  if (start == nullptr || stop == nullptr || !start->timed || !stop->timed || !point_of(*start) ||
      !point_of(*stop)) {
    return hipErrorInvalidHandle;
  }
  if (!is_complete(*start) || !is_complete(*stop)) {
    return hipErrorNotReady;
  }
  const auto time_of = [](ihipEvent_t& event) {
    const std::lock_guard lock(event.lock);
    return static_cast<double>(event.time_ns->load());
  };
  *ms = static_cast<float>((time_of(*stop) - time_of(*start)) * 1e-6);
  return hipSuccess;
}

}  // namespace

std::shared_ptr<Queue> queue_of(hipStream_t stream) {
  if (stream == nullptr) {
    return device().queues().null_queue(current_device());
  }
  const std::shared_ptr<ihipStream_t> found = streams().find(stream);
  return found != nullptr ? found->queue : nullptr;
}

WaitsFor stream_order(hipStream_t stream, const Queue& queue) {
  if (stream == nullptr) {
    return WaitsFor::kBlockingQueues;
  }
  return queue.blocking() ? WaitsFor::kNullQueue : WaitsFor::kNothing;
}

}  // namespace softgpu::api

using namespace softgpu;  // the entry points below are in no namespace

extern "C" {

hipError_t hipStreamCreate(hipStream_t* stream) {
  return api::call([=] { return api::create_stream(stream, hipStreamDefault); });
}

hipError_t hipStreamCreateWithFlags(hipStream_t* stream, unsigned int flags) {
  return api::call([=] { return api::create_stream(stream, flags); });
}

hipError_t hipStreamGetFlags(hipStream_t stream, unsigned int* flags) {
  return api::call([=] {
    const std::shared_ptr<ihipStream_t> found = api::streams().find(stream);
    if (flags == nullptr || (stream != nullptr && found == nullptr)) {
      return flags == nullptr ? hipErrorInvalidValue : hipErrorInvalidHandle;
    }
    *flags = found != nullptr ? found->flags : hipStreamDefault;
    return hipSuccess;
  });
}

hipError_t hipStreamDestroy(hipStream_t stream) {
  return api::call([=] {
    const std::shared_ptr<ihipStream_t> taken = api::streams().take(stream);
    if (taken == nullptr) {
      return hipErrorInvalidHandle;
    }
    Queues& queues = device().queues();
    queues.wait({taken->queue, taken->queue->last_submitted()}, "hipStreamDestroy");
    queues.remove(taken->queue);
    return hipSuccess;
  });
}

hipError_t hipStreamSynchronize(hipStream_t stream) {
  return api::call([=] {
    const std::shared_ptr<Queue> queue = api::queue_of(stream);
    if (queue == nullptr) {
      return hipErrorInvalidHandle;
    }
    device().queues().wait({queue, queue->last_submitted()}, "hipStreamSynchronize");
    return hipSuccess;
  });
}

hipError_t hipStreamQuery(hipStream_t stream) {
  return api::call([=] {
    const std::shared_ptr<Queue> queue = api::queue_of(stream);
    if (queue == nullptr) {
      return hipErrorInvalidHandle;
    }
    return queue->finished(queue->last_submitted()) ? hipSuccess : hipErrorNotReady;
  });
}

hipError_t hipStreamWaitEvent(hipStream_t stream, hipEvent_t event, unsigned int flags) {
  return api::call([=] {
    const std::shared_ptr<ihipEvent_t> found = api::events().find(event);
    const std::shared_ptr<Queue> queue = api::queue_of(stream);
    if (found == nullptr || queue == nullptr) {
      return hipErrorInvalidHandle;
    }
    if (flags != 0) {
      return hipErrorInvalidValue;
    }
    if (const std::optional<QueuePoint> point = api::point_of(*found)) {
      Operation operation;
      operation.name = "hipStreamWaitEvent";
      operation.fences = {*point};
      device().queues().submit(queue, std::move(operation), api::stream_order(stream, *queue));
    }
    return hipSuccess;
  });
}

hipError_t hipEventCreate(hipEvent_t* event) {
  return api::call([=] { return api::create_event(event, hipEventDefault); });
}

hipError_t hipEventCreateWithFlags(hipEvent_t* event, unsigned flags) {
  return api::call([=] { return api::create_event(event, flags); });
}

hipError_t hipEventRecord(hipEvent_t event, hipStream_t stream) {
  return api::call([=] { return api::record_event(event, stream); });
}

hipError_t hipEventDestroy(hipEvent_t event) {
  return api::call(
      [=] { return api::events().take(event) != nullptr ? hipSuccess : hipErrorInvalidHandle; });
}

hipError_t hipEventSynchronize(hipEvent_t event) {
  return api::call([=] {
    const std::shared_ptr<ihipEvent_t> found = api::events().find(event);
    if (found == nullptr) {
      return hipErrorInvalidHandle;
    }
    if (const std::optional<QueuePoint> point = api::point_of(*found)) {
      device().queues().wait(*point, "hipEventSynchronize");
    }
    return hipSuccess;
  });
}

hipError_t hipEventQuery(hipEvent_t event) {
  return api::call([=] {
    const std::shared_ptr<ihipEvent_t> found = api::events().find(event);
    if (found == nullptr) {
      return hipErrorInvalidHandle;
    }
    return api::is_complete(*found) ? hipSuccess : hipErrorNotReady;
  });
}

hipError_t hipEventElapsedTime(float* ms, hipEvent_t start, hipEvent_t stop) {
  return api::call([=] { return api::elapsed_time(ms, start, stop); });
}

}  // extern "C"
