// SPDX-License-Identifier: MIT
#include "bench/thunk_cases.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

#include "harness/pin/clock.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SampleRow;
using analysis::Status;

constexpr std::array<std::string_view, kThunkCalls> kCallNames{
    "thunk_register", "thunk_map", "thunk_unmap", "thunk_deregister", "thunk_munmap_unknown"};
constexpr std::array<std::string_view, 2> kMemories{"userptr", "managed"};
constexpr std::array<std::uint64_t, 5> kSizes{4 << 10, 64 << 10, 1 << 20, 16 << 20, 64 << 20};
constexpr std::array<std::uint32_t, 6> kStandingRanges{0, 1, 10, 100, 1'000, 10'000};
constexpr std::uint64_t kLargeBytes = 16 << 20;

template <typename Call>
double timed_ns(Call&& call) {
  const std::int64_t before_ns = pin::raw_clock_ns();
  call();
  return static_cast<double>(pin::raw_clock_ns() - before_ns);
}

analysis::SummaryRow describe(const ThunkRequest& request, ThunkCall call) {
  analysis::SummaryRow row;
  const ThunkPoint& point = request.point;
  row.case_name = point.case_name(call);
  row.case_version = kThunkCaseVersion;
  row.memory = point.memory;
  row.backing = "anon";
  row.perturbation = to_string(call);
  row.policy = "default";
  row.recovery = "none";
  row.context = fmt::format("ranges_{}", point.standing_ranges);
  row.size_bytes = static_cast<std::int64_t>(point.size_bytes);
  row.run = request.run;
  return row;
}

struct EventTimes {
  std::array<double, kThunkCalls> ns{};
  bool same_address = false;

  double& operator[](ThunkCall call) { return ns[static_cast<std::size_t>(call)]; }
};

EventTimes measure_once(const ThunkPoint& point, const ThunkRangeKind& kind) {
  EventTimes times;
  PlainMemory memory(point.size_bytes);
  PlainMemory unknown(point.size_bytes);
  std::byte* begin = memory.begin();
  times[ThunkCall::kRegister] = timed_ns([&] { kind.register_memory(begin, point.size_bytes); });
  std::uint64_t device_address = 0;
  times[ThunkCall::kMap] = timed_ns([&] { device_address = kind.map(begin, point.size_bytes); });
  times.same_address = device_address == reinterpret_cast<std::uint64_t>(begin);
  times[ThunkCall::kMunmapUnknown] =
      timed_ns([&] { munmap(unknown.begin(), unknown.size_bytes()); });
  unknown.forget();
  times[ThunkCall::kUnmap] = timed_ns([&] { kind.unmap(begin, point.size_bytes); });
  times[ThunkCall::kDeregister] = timed_ns([&] { kind.deregister(begin, point.size_bytes); });
  if (kind.ends_with_mapping()) memory.forget();
  return times;
}

}  // namespace

std::string_view to_string(ThunkCall call) { return kCallNames[static_cast<std::size_t>(call)]; }

std::string ThunkPoint::case_name(ThunkCall call) const {
  return fmt::format("{}/anon/{}/default/none/ranges_{}/{}", memory, to_string(call),
                     standing_ranges, format_size(size_bytes));
}

std::vector<ThunkPoint> all_thunk_points() {
  std::vector<ThunkPoint> points;
  for (const std::string_view memory : kMemories) {
    for (const std::uint32_t standing : kStandingRanges) {
      for (const std::uint64_t size_bytes : kSizes) {
        points.push_back({std::string(memory), size_bytes, standing});
      }
    }
  }
  return points;
}

std::uint32_t usual_events(const ThunkPoint& point) {
  return point.size_bytes >= kLargeBytes ? 10 : 30;
}

ThunkResult thunk_point_without(const ThunkRequest& request, Status status,
                                const std::string& reason) {
  ThunkResult result;
  for (std::size_t call = 0; call < kThunkCalls; ++call) {
    result[call].identity = describe(request, static_cast<ThunkCall>(call));
    result[call].identity.status = status;
    result[call].identity.reason = reason;
  }
  return result;
}

ThunkResult run_thunk_point(const ThunkRequest& request, const ThunkRangeKind& kind) {
  ThunkResult result = thunk_point_without(request, Status::kOk, "");
  try {
    measure_once(request.point, kind);  // the first calls load code and make the driver's caches
    for (std::uint32_t event = 0; event < request.events; ++event) {
      const std::int64_t start_ns = pin::raw_clock_ns();
      EventTimes times = measure_once(request.point, kind);
      for (std::size_t call = 0; call < kThunkCalls; ++call) {
        SampleRow sample;
        sample.case_name = result[call].identity.case_name;
        sample.run = request.run;
        sample.event = event;
        sample.start_ns = start_ns - request.recording_start_ns;
        sample[Metric::kSyscall] = times.ns[call];
        result[call].samples.push_back(std::move(sample));
        // kfd_facts §0.2: equal addresses are an SVM range, whatever was asked for.
        result[call].identity.memory_path = times.same_address ? "svm_range" : "userptr_bo";
      }
    }
  } catch (const std::exception& error) {
    for (ThunkCaseResult& one : result) {
      one.identity.status = Status::kFailed;
      one.identity.reason = error.what();
    }
  }
  return result;
}

}  // namespace notifier
