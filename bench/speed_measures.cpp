// SPDX-License-Identifier: MIT
#include "bench/speed_measures.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "bench/speed_kernels.hpp"
#include "bench/speed_placement.hpp"
#include "softgpu/core/clock.hpp"
#include "softgpu/core/device.hpp"

namespace notifier {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kAccessTimes = 1000;
// With more waves than CPUs a thread that only yields gets its turn after all of them; one that has
// slept gets it at once.
constexpr std::int64_t kYieldNs = 2'000'000;
constexpr timespec kNap = {0, 100'000};

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

/// Memory that both sides see, and that is not perturbed.
class SharedWords {
 public:
  explicit SharedWords(std::size_t words) {
    void* memory = nullptr;
    check(hipHostMalloc(&memory, words * sizeof(std::uint64_t), hipHostMallocDefault),
          "hipHostMalloc");
    words_ = static_cast<std::uint64_t*>(memory);
  }
  ~SharedWords() { [[maybe_unused]] const hipError_t freed = hipHostFree(words_); }
  SharedWords(const SharedWords&) = delete;
  SharedWords& operator=(const SharedWords&) = delete;

  std::uint64_t* words() const { return words_; }

 private:
  std::uint64_t* words_ = nullptr;
};

/// Of waves that have begun. One wave is kept apart from its caller; more share all CPUs.
void place_waves(std::uint32_t waves) {
  for (const pid_t thread : threads_named("softgpu-wave")) {
    waves == 1 ? place_apart(thread) : place_anywhere(thread);
  }
}

/// The caller's CPU is idle while the supervisor works, and the other one is the wave's: a restore
/// worker there would be woken by an interrupt.
void place_driver_beside_caller() {
  for (const char* name : {"softgpu-superv", "softgpu-restore"}) {
    for (const pid_t thread : threads_named(name)) {
      place_on_first(thread);
    }
  }
}

void spin_until(std::int64_t time_ns) {
  while (now_ns() < time_ns) {
  }
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

TimedEvent time_dontneed(void* page) {
  const std::int64_t begin = now_ns();
  const int result = madvise(page, kPage, MADV_DONTNEED);
  const std::int64_t end = now_ns();
  if (result != 0) {
    throw std::runtime_error("madvise(MADV_DONTNEED) fails");
  }
  return {.start_ns = begin, .duration_ns = static_cast<double>(end - begin), .evictions = {}};
}

RegisteredMemory::RegisteredMemory(std::size_t size_bytes, std::size_t ranges)
    : size_bytes_(size_bytes), ranges_(ranges), host_(map_anonymous(size_bytes * ranges)) {
  for (std::size_t range = 0; range < ranges_; ++range) {
    check(hipHostRegister(host_ + range * size_bytes_, size_bytes_, hipHostRegisterDefault),
          "hipHostRegister");
  }
  void* device = nullptr;
  check(hipHostGetDevicePointer(&device, host_, 0), "hipHostGetDevicePointer");
  device_ = static_cast<std::uint64_t*>(device);
}

RegisteredMemory::~RegisteredMemory() {
  for (std::size_t range = 0; range < ranges_; ++range) {
    [[maybe_unused]] const hipError_t done = hipHostUnregister(host_ + range * size_bytes_);
  }
  munmap(host_, size_bytes_ * ranges_);
}

RunningWaves::RunningWaves(const RegisteredMemory& memory, std::uint32_t waves) : waves_(waves) {
  void* control = nullptr;
  check(hipHostMalloc(&control, (waves + 1) * sizeof(std::uint64_t), hipHostMallocDefault),
        "hipHostMalloc");
  control_ = static_cast<std::uint64_t*>(control);
  check(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking), "hipStreamCreateWithFlags");
  launch(sweep_kernel_address(),
         SweepArguments{memory.device(), kPage / sizeof(std::uint64_t), control_, control_ + 1},
         waves, stream_);
  wait_for_progress();
  place_waves(waves);
}

RunningWaves::~RunningWaves() {
  __atomic_store_n(control_, 1, __ATOMIC_RELEASE);
  if (hipStreamSynchronize(stream_) == hipSuccess && hipStreamDestroy(stream_) == hipSuccess) {
    [[maybe_unused]] const hipError_t freed = hipHostFree(control_);
  }
}

std::uint64_t RunningWaves::passes() const {
  std::uint64_t sum = 0;
  for (std::uint32_t wave = 0; wave < waves_; ++wave) {
    sum += __atomic_load_n(control_ + 1 + wave, __ATOMIC_ACQUIRE);
  }
  return sum;
}

void RunningWaves::wait_for_progress() const {
  const std::uint64_t before = passes();
  const std::int64_t patient_ns = now_ns() + kYieldNs;
  while (passes() < before + 2) {
    if (now_ns() < patient_ns) {
      sched_yield();
    } else {
      nanosleep(&kNap, nullptr);
    }
  }
}

AccessTicks time_accesses(const RegisteredMemory& memory) {
  const SharedWords shared(sizeof(AccessTicks) / sizeof(std::uint64_t));
  auto* ticks = reinterpret_cast<AccessTicks*>(shared.words());
  launch(access_kernel_address(),
         AccessArguments{memory.device(), reinterpret_cast<std::uint64_t>(memory.host()),
                         kAccessTimes, ticks},
         1, nullptr);
  check(hipDeviceSynchronize(), "hipDeviceSynchronize");
  return *ticks;
}

std::vector<TimedEvent> time_parking(const RunningWaves& waves, const SpeedBudget& budget) {
  const CallerPlacement placement;
  softgpu::WaveTable& table = softgpu::device().waves();
  return spend(budget, [&] {
    waves.wait_for_progress();
    TimedEvent event{.start_ns = now_ns(), .duration_ns = 0, .evictions = {}};
    table.request_stop();
    table.wait_until_stopped();
    event.duration_ns = static_cast<double>(now_ns() - event.start_ns);
    table.resume();
    table.wake();
    return event;
  });
}

std::vector<TimedEvent> time_signal_stop(const SpeedBudget& budget) {
  struct sigaction action {};
  action.sa_handler = stop_here;
  sigaction(SIGUSR1, &action, nullptr);
  stopped.store(0);
  released.store(0);
  std::atomic<bool> end{false};
  std::atomic<std::uint64_t> work{0};
  const CallerPlacement placement;
  std::thread worker([&] {
    place_apart(0);
    while (!end.load(std::memory_order_relaxed)) {
      work.store(work.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
  });
  std::uint32_t wanted = 0;
  const std::vector<TimedEvent> events = spend(budget, [&] {
    for (const std::uint64_t before = work.load(); work.load() < before + 1000;) {
      sched_yield();
    }
    ++wanted;
    TimedEvent event{.start_ns = now_ns(), .duration_ns = 0, .evictions = {}};
    pthread_kill(worker.native_handle(), SIGUSR1);
    while (stopped.load() < wanted) {
    }
    event.duration_ns = static_cast<double>(now_ns() - event.start_ns);
    released.store(wanted);
    return event;
  });
  end.store(true);
  worker.join();
  return events;
}

std::vector<TimedEvent> time_notified(char* page, const RunningWaves& waves,
                                      std::int64_t settled_ns, const SpeedBudget& budget) {
  const CallerPlacement placement;
  place_driver_beside_caller();
  softgpu::WaveTable& table = softgpu::device().waves();
  return spend(budget, [&] {
    waves.wait_for_progress();
    spin_until(now_ns() + settled_ns);
    TimedEvent event = time_dontneed(page);
    // The restore comes a millisecond later: a device that was stopped still is.
    event.evictions = table.stop_requested() ? 1 : 0;
    return event;
  });
}

std::vector<TimedEvent> time_job_waits(const RegisteredMemory& memory, std::uint64_t job_ns,
                                       std::uint64_t seed, const SpeedBudget& budget) {
  Moments moments(budget.events, seed);
  const CallerPlacement placement;
  place_driver_beside_caller();
  const SharedWords started(1);
  hipStream_t stream = nullptr;
  check(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking), "hipStreamCreateWithFlags");
  bool placed = false;
  const std::vector<TimedEvent> events = spend(budget, [&] {
    const double moment = moments.next();
    __atomic_store_n(started.words(), 0, __ATOMIC_RELEASE);
    launch(timed_job_kernel_address(),
           TimedJobArguments{memory.device(), started.words(), job_ns / softgpu::kNsPerDeviceTick},
           1, stream);
    while (__atomic_load_n(started.words(), __ATOMIC_ACQUIRE) == 0) {
      sched_yield();
    }
    const std::int64_t begin_ns = now_ns();
    if (!std::exchange(placed, true)) place_waves(1);
    spin_until(begin_ns + static_cast<std::int64_t>(moment * static_cast<double>(job_ns)));
    if (job_ns == 0) check(hipStreamSynchronize(stream), "hipStreamSynchronize");
    const TimedEvent event = time_dontneed(memory.host());
    check(hipStreamSynchronize(stream), "hipStreamSynchronize");
    return event;
  });
  check(hipStreamDestroy(stream), "hipStreamDestroy");
  return events;
}

}  // namespace notifier
