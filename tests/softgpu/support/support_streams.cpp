// SPDX-License-Identifier: MIT
// Streams and events.
#include <array>

#include "support.hpp"

namespace softgpu_test::support {
namespace {

/// A kernel that runs until it is stopped, on memory of its own.
struct Busy {
  std::uint64_t* word = host_word();
  RunningKernel kernel{word, 1};
};

constexpr std::array kStreamRows = {
    Row{"hipStreamCreate", "a stream with hipStreamDefault, on which a kernel runs",
        [] {
          hipStream_t stream = nullptr;
          REQUIRE_HIP(hipStreamCreate(&stream));
          unsigned flags = 77;
          REQUIRE_HIP(hipStreamGetFlags(stream, &flags));
          REQUIRE(flags == hipStreamDefault);
          std::uint64_t* word = host_word();
          REQUIRE_HIP(launch_add(word, 1, stream));
          REQUIRE_HIP(hipStreamSynchronize(stream));
          REQUIRE(*word == 1);
        }},
    Row{"hipStreamCreateWithFlags", "a non-blocking stream runs beside a busy one",
        [] {
          Busy busy;
          std::uint64_t* word = host_word();
          const hipStream_t stream = new_stream();
          REQUIRE_HIP(launch_add(word, 2, stream));
          REQUIRE_HIP(hipStreamSynchronize(stream));
          REQUIRE(*word == 2);
          hipStream_t other = nullptr;
          REQUIRE(hipStreamCreateWithFlags(&other, 77) == hipErrorInvalidValue);
        }},
    Row{"hipStreamGetFlags", "what the stream was made with",
        [] {
          unsigned flags = 77;
          REQUIRE_HIP(hipStreamGetFlags(new_stream(), &flags));
          REQUIRE(flags == hipStreamNonBlocking);
        }},
    Row{"hipStreamDestroy", "waits for the work; the handle is invalid afterwards",
        [] {
          const hipStream_t stream = new_stream();
          std::uint64_t* word = host_word();
          REQUIRE_HIP(launch_add(word, 4, stream));
          REQUIRE_HIP(hipStreamDestroy(stream));
          REQUIRE(*word == 4);
          REQUIRE(hipStreamDestroy(stream) == hipErrorInvalidHandle);
        }},
    Row{"hipStreamQuery", "not ready while a kernel runs",
        [] {
          Busy busy;
          REQUIRE(hipStreamQuery(busy.kernel.stream()) == hipErrorNotReady);
          busy.kernel.stop();
          REQUIRE_HIP(hipStreamQuery(busy.kernel.stream()));
        }},
    Row{"hipStreamSynchronize", "returns when the stream's work is done",
        [] {
          std::uint64_t* word = host_word();
          const hipStream_t stream = new_stream();
          for (int i = 0; i < 10; ++i) {
            REQUIRE_HIP(launch_add(word, 1, stream));
          }
          REQUIRE_HIP(hipStreamSynchronize(stream));
          REQUIRE(*word == 10);
        }},
    Row{"hipStreamWaitEvent", "holds a stream back until another's kernel has ended",
        [] {
          Busy busy;
          const hipEvent_t event = new_event();
          REQUIRE_HIP(hipEventRecord(event, busy.kernel.stream()));
          const hipStream_t stream = new_stream();
          std::uint64_t* word = host_word();
          REQUIRE_HIP(hipStreamWaitEvent(stream, event, 0));
          REQUIRE_HIP(launch_add(word, 1, stream));
          REQUIRE(hipStreamQuery(stream) == hipErrorNotReady && load_word(word) == 0);
          busy.kernel.stop();
          REQUIRE_HIP(hipStreamSynchronize(stream));
          REQUIRE(*word == 1);
        }},
};

constexpr std::array kEventRows = {
    Row{"hipEventCreate", "an event that is complete until it is recorded",
        [] {
          hipEvent_t event = nullptr;
          REQUIRE_HIP(hipEventCreate(&event));
          REQUIRE_HIP(hipEventQuery(event));
          REQUIRE(hipEventCreate(nullptr) == hipErrorInvalidValue);
        }},
    Row{"hipEventCreateWithFlags", "without timing there is no elapsed time",
        [] {
          hipEvent_t event = nullptr;
          REQUIRE_HIP(hipEventCreateWithFlags(&event, hipEventDisableTiming));
          REQUIRE_HIP(hipEventRecord(event, nullptr));
          REQUIRE_HIP(hipEventSynchronize(event));
          float ms = 0;
          REQUIRE(hipEventElapsedTime(&ms, event, event) == hipErrorInvalidHandle);
        },
        "hipEventInterprocess: hipErrorInvalidValue",
        [] {
          hipEvent_t event = nullptr;
          REQUIRE(hipEventCreateWithFlags(&event, hipEventInterprocess) == hipErrorInvalidValue);
        }},
    Row{"hipEventDestroy", "the handle is invalid afterwards",
        [] {
          const hipEvent_t event = new_event();
          REQUIRE_HIP(hipEventDestroy(event));
          REQUIRE(hipEventDestroy(event) == hipErrorInvalidHandle);
        }},
    Row{"hipEventRecord", "complete when the work before it is",
        [] {
          Busy busy;
          const hipEvent_t event = new_event();
          REQUIRE_HIP(hipEventRecord(event, busy.kernel.stream()));
          REQUIRE(hipEventQuery(event) == hipErrorNotReady);
          busy.kernel.stop();
          REQUIRE_HIP(hipEventSynchronize(event));
        }},
    Row{"hipEventQuery", "not ready, then ready",
        [] {
          Busy busy;
          const hipEvent_t event = new_event();
          REQUIRE_HIP(hipEventRecord(event, busy.kernel.stream()));
          REQUIRE(hipEventQuery(event) == hipErrorNotReady);
          busy.kernel.stop();
          REQUIRE_HIP(hipStreamSynchronize(busy.kernel.stream()));
          REQUIRE_HIP(hipEventQuery(event));
        }},
    Row{"hipEventSynchronize", "returns when the kernel before it has ended",
        [] {
          std::uint64_t* word = host_word();
          const hipStream_t stream = new_stream();
          const hipEvent_t event = new_event();
          REQUIRE_HIP(launch_add(word, 6, stream));
          REQUIRE_HIP(hipEventRecord(event, stream));
          REQUIRE_HIP(hipEventSynchronize(event));
          REQUIRE(*word == 6);
        }},
    Row{"hipEventElapsedTime", "above 0 around a kernel, an error for events never recorded",
        [] {
          const hipEvent_t start = new_event();
          const hipEvent_t stop = new_event();
          float ms = 0;
          REQUIRE(hipEventElapsedTime(&ms, start, stop) == hipErrorInvalidHandle);
          const hipStream_t stream = new_stream();
          REQUIRE_HIP(hipEventRecord(start, stream));
          REQUIRE_HIP(launch_add(host_word(), 1, stream));
          REQUIRE_HIP(hipEventRecord(stop, stream));
          REQUIRE_HIP(hipEventSynchronize(stop));
          REQUIRE_HIP(hipEventElapsedTime(&ms, start, stop));
          REQUIRE(ms > 0);
        }},
};

}  // namespace

std::span<const Row> stream_rows() { return kStreamRows; }
std::span<const Row> event_rows() { return kEventRows; }

}  // namespace softgpu_test::support
