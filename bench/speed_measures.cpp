// SPDX-License-Identifier: MIT
#include "bench/speed_measures.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "bench/speed_kernels.hpp"
#include "softgpu/core/clock.hpp"
#include "softgpu/core/device.hpp"

namespace notifier {
namespace {

constexpr std::size_t kPage = 4096;

double now_ns() { return static_cast<double>(softgpu::read_clock_ns(CLOCK_MONOTONIC_RAW)); }

void check(hipError_t error, const char* call) {
  if (error != hipSuccess) {
    throw std::runtime_error(std::string(call) + ": " + hipGetErrorString(error));
  }
}

char* map_anonymous(std::size_t size_bytes) {
  void* memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("no memory for " + std::to_string(size_bytes) + " bytes");
  }
  return static_cast<char*>(memory);
}

template <typename Arguments>
void launch(const void* kernel, Arguments arguments, std::uint32_t waves, hipStream_t stream) {
  void* parameters[] = {&arguments};
  check(hipLaunchKernel(kernel, dim3(waves), dim3(1), parameters, 0, stream), "hipLaunchKernel");
}

// One signalled thread at a time; the handler has no other way to them.
constinit std::atomic<std::uint32_t> stopped{0};
constinit std::atomic<std::uint32_t> released{0};

void stop_here(int) {
  const std::uint32_t mine = stopped.load() + 1;
  stopped.store(mine);
  while (released.load() < mine) {
    sched_yield();
  }
}

}  // namespace

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double time_dontneed(void* page) {
  const double begin = now_ns();
  const int result = madvise(page, kPage, MADV_DONTNEED);
  const double end = now_ns();
  if (result != 0) {
    throw std::runtime_error("madvise(MADV_DONTNEED) fails");
  }
  return end - begin;
}

RegisteredMemory::RegisteredMemory(std::size_t size_bytes) : host_(map_anonymous(size_bytes)) {
  void* device = nullptr;
  check(hipHostRegister(host_, size_bytes, hipHostRegisterDefault), "hipHostRegister");
  check(hipHostGetDevicePointer(&device, host_, 0), "hipHostGetDevicePointer");
  device_ = static_cast<std::uint64_t*>(device);
}

void register_pages(std::size_t count) {
  char* memory = map_anonymous(count * kPage);
  for (std::size_t page = 0; page < count; ++page) {
    check(hipHostRegister(memory + page * kPage, kPage, hipHostRegisterDefault), "hipHostRegister");
  }
}

RunningWaves::RunningWaves(const RegisteredMemory& memory, std::uint32_t waves) {
  void* control = nullptr;
  check(hipHostMalloc(&control, (waves + 1) * sizeof(std::uint64_t), hipHostMallocDefault),
        "hipHostMalloc");
  control_ = static_cast<std::uint64_t*>(control);
  check(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking), "hipStreamCreateWithFlags");
  launch(sweep_kernel_address(),
         SweepArguments{memory.device(), kPage / sizeof(std::uint64_t), control_, control_ + 1},
         waves, stream_);
  wait_for_progress();
}

RunningWaves::~RunningWaves() {
  __atomic_store_n(control_, 1, __ATOMIC_RELEASE);
  if (hipStreamSynchronize(stream_) == hipSuccess && hipStreamDestroy(stream_) == hipSuccess) {
    [[maybe_unused]] const hipError_t freed = hipHostFree(control_);
  }
}

void RunningWaves::wait_for_progress() const {
  const std::uint64_t begin = __atomic_load_n(control_ + 1, __ATOMIC_ACQUIRE);
  while (__atomic_load_n(control_ + 1, __ATOMIC_ACQUIRE) < begin + 2) {
    sched_yield();
  }
}

AccessTimes time_accesses(const RegisteredMemory& memory, std::uint64_t times) {
  void* ticks = nullptr;
  check(hipHostMalloc(&ticks, 2 * sizeof(std::uint64_t), hipHostMallocDefault), "hipHostMalloc");
  auto* results = static_cast<std::uint64_t*>(ticks);
  launch(access_kernel_address(),
         AccessArguments{memory.device(), reinterpret_cast<std::uint64_t>(memory.host()), times,
                         results, results + 1},
         1, nullptr);
  check(hipDeviceSynchronize(), "hipDeviceSynchronize");
  const double ns_per_tick = static_cast<double>(softgpu::kNsPerDeviceTick);
  const double accesses = static_cast<double>(kSweepsPerTime * kAccessWords);
  const AccessTimes least{static_cast<double>(results[0]) * ns_per_tick / accesses,
                          static_cast<double>(results[1]) * ns_per_tick / accesses};
  check(hipHostFree(ticks), "hipHostFree");
  return least;
}

double time_parking(const RunningWaves& waves, int events) {
  softgpu::WaveTable& table = softgpu::device().waves();
  std::vector<double> times_ns;
  for (int event = 0; event < events; ++event) {
    waves.wait_for_progress();
    const double begin = now_ns();
    table.request_stop();
    table.wait_until_stopped();
    times_ns.push_back(now_ns() - begin);
    table.resume();
  }
  return median_of(times_ns);
}

double time_signal_stop(int events) {
  struct sigaction action {};
  action.sa_handler = stop_here;
  sigaction(SIGUSR1, &action, nullptr);
  stopped.store(0);
  released.store(0);
  std::atomic<bool> end{false};
  std::atomic<std::uint64_t> work{0};
  std::thread worker([&] {
    while (!end.load(std::memory_order_relaxed)) {
      work.store(work.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
  });
  std::vector<double> times_ns;
  for (int event = 0; event < events; ++event) {
    for (const std::uint64_t before = work.load(); work.load() < before + 1000;) {
      sched_yield();
    }
    const auto wanted = static_cast<std::uint32_t>(event) + 1;
    const double begin = now_ns();
    pthread_kill(worker.native_handle(), SIGUSR1);
    while (stopped.load() < wanted) {
    }
    times_ns.push_back(now_ns() - begin);
    released.store(wanted);
  }
  end.store(true);
  worker.join();
  return median_of(times_ns);
}

double time_notified(const RegisteredMemory& memory, std::size_t size_bytes,
                     const RunningWaves& waves, int events) {
  char* page = memory.host() + size_bytes - kPage;
  std::vector<double> times_ns;
  for (int event = 0; event < events; ++event) {
    waves.wait_for_progress();
    times_ns.push_back(time_dontneed(page));
  }
  return median_of(times_ns);
}

}  // namespace notifier
