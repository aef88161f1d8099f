// SPDX-License-Identifier: MIT
// Perturbations by which managed memory moves between the device's memory and the system's. The
// memory is told to prefer the system's, so that it stays where the event has put it until the
// event after it: a retry fault would otherwise take it to the device (kfd_facts §2 "Placement").
#include <fmt/format.h>

#include <algorithm>

#include "harness/hip_check.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"

namespace notifier::perturbation_calls {
namespace {

constexpr std::uint64_t kDriverPageBytes = 4096;

/// One for the process, on no queue that the workload waits for.
hipStream_t stream_of_moves() {
  static const hipStream_t stream = [] {
    hipStream_t made = nullptr;
    HIP_CHECK(hipStreamCreateWithFlags(&made, hipStreamNonBlocking));
    return made;
  }();
  return stream;
}

void check_move(hipError_t code, const char* call) {
  if (code == hipErrorNotSupported) {
    throw CannotPerform("this device or runtime cannot migrate managed memory");
  }
  if (code == hipErrorOutOfMemory) {
    throw CannotPerform("the device's memory is too small or too full for it");
  }
  check_hip(code, call);
}

void move_and_wait(const EventContext& event, int location, hipStream_t stream) {
  check_move(hipMemPrefetchAsync(event.slice, event.slice_bytes, location, stream),
             "hipMemPrefetchAsync");
  HIP_CHECK(hipStreamSynchronize(stream));
}

void timed_move(EventContext& event, int location) {
  const hipStream_t stream = stream_of_moves();
  timed(event, [&] { move_and_wait(event, location, stream); });
}

}  // namespace

void prepare_at_home(EventContext& event) {
  stream_of_moves();
  check_move(hipMemAdvise(event.slice, event.slice_bytes, hipMemAdviseSetPreferredLocation,
                          hipCpuDeviceId),
             "hipMemAdvise");
}

void prepare_on_device(EventContext& event) {
  prepare_at_home(event);
  move_and_wait(event, 0, stream_of_moves());
}

void perform_prefetch_device(EventContext& event) { timed_move(event, 0); }

void perform_prefetch_host(EventContext& event) { timed_move(event, hipCpuDeviceId); }

void perform_cpu_touch(EventContext& event) {
  auto* word = reinterpret_cast<std::uint64_t*>(event.slice);
  timed(event, [&] { __atomic_load_n(word, __ATOMIC_ACQUIRE); });
}

void finish_at_home(EventContext& event) {
  move_and_wait(event, hipCpuDeviceId, stream_of_moves());
}

}  // namespace notifier::perturbation_calls

namespace notifier {

void require_migration(const Perturbation& row, const EventContext& event,
                       std::span<const DriverEvent> driver_events) {
  if (!row.migration) return;
  const std::uint64_t begin_page =
      reinterpret_cast<std::uintptr_t>(event.slice) / perturbation_calls::kDriverPageBytes;
  const std::uint64_t end_page =
      begin_page + event.slice_bytes / perturbation_calls::kDriverPageBytes;
  std::uint64_t moved_pages = 0;
  for (const DriverEvent& told : driver_events) {
    if (told.kind != DriverEventKind::kMigrateEnd || told.error.value_or(0) != 0 ||
        told.trigger != static_cast<std::uint32_t>(*row.migration)) {
      continue;
    }
    const std::uint64_t first = std::max(begin_page, told.address_pages.value_or(end_page));
    const std::uint64_t end =
        std::min(end_page, told.address_pages.value_or(0) + told.size_pages.value_or(0));
    moved_pages += end > first ? end - first : 0;
  }
  const std::uint64_t wanted_pages =
      *row.migration == MigrateTrigger::kPrefetch ? end_page - begin_page : 1;
  if (moved_pages < wanted_pages) {
    throw CannotPerform(fmt::format(
        "the driver told of {} pages moved by it, of {} at least: the memory did not migrate",
        moved_pages, wanted_pages));
  }
}

}  // namespace notifier
