// SPDX-License-Identifier: MIT
#include "test_device.hpp"

#include <hip/hip_runtime.h>
#include <hsakmt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "device_primitives.hpp"
#include "harness/vmstat.hpp"
#include "process_test.hpp"

extern "C" HSAKMT_STATUS hsaKmtOpenSMI(HSAuint32 node, int* descriptor);

namespace softgpu_test {
namespace {

constexpr HSAuint32 kGpuNode = 1;

struct SweepArguments {
  std::uint64_t* words;
  KernelControl* control;
};

class Sweep {
 public:
  explicit Sweep(const SweepArguments& arguments)
      : words_(arguments.words), control_(arguments.control) {}

  void run() {
    using namespace notifier::device;
    std::uint64_t pass = 0;
    while (load_acquire(&control_->stop) == 0) {
      const std::uint64_t first = load(&control_->first_word);
      const std::uint64_t end = load(&control_->end_word);
      // A changed window: what lies in it was not written by the last pass.
      const bool known = first == last_first_ && end == last_end_;
      for (std::uint64_t word = first; word < end; ++word) {
        visit(word, known ? pass : 0, pass + 1);
      }
      last_first_ = first;
      last_end_ = end;
      store(&control_->last_clock_ticks, clock_ticks());
      store(&control_->passes, ++pass);
    }
  }

 private:
  void visit(std::uint64_t word, std::uint64_t expected, std::uint64_t next) {
    using namespace notifier::device;
    const std::uint64_t observed = load(words_ + word);
    if (expected != 0 && observed != expected) {
      report(word, observed);
    }
    store(words_ + word, next);
    if (const std::uint64_t read_back = load_waited(words_ + word); read_back != next) {
      report(word, read_back);
    }
  }

  void report(std::uint64_t word, std::uint64_t observed) {
    using namespace notifier::device;
    if (mismatches_ == 0) {
      store(&control_->first_mismatch, word);
      store(&control_->first_observed, observed);
    }
    zeros_ += observed == 0 ? 1 : 0;
    store(&control_->zeros, zeros_);
    store(&control_->mismatches, ++mismatches_);
  }

  std::uint64_t* words_;
  KernelControl* control_;
  std::uint64_t last_first_ = 0;
  std::uint64_t last_end_ = 0;
  std::uint64_t mismatches_ = 0;
  std::uint64_t zeros_ = 0;
};

__global__ void sweep_kernel(SweepArguments arguments) { Sweep(arguments).run(); }
NOTIFIER_KERNEL(sweep_kernel, SweepArguments)

/// Number of pages in "33 <time> -<pid> @<page>(<pages>)".
std::uint64_t missed_pages(const std::string& line) {
  return std::stoull(line.substr(line.find('(') + 1), nullptr, 16);
}

std::uint64_t load_shared(const std::uint64_t& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}

void store_shared(std::uint64_t& word, std::uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

bool ends_with(const std::string& text, const std::string& tail) {
  return text.size() >= tail.size() &&
         text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
}

}  // namespace

DriverLog::DriverLog() : moved_before_(notifier::pages_moved_by_kernel()) {
  REQUIRE(hsaKmtOpenKFD() == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtOpenSMI(kGpuNode, &descriptor_) == HSAKMT_STATUS_SUCCESS);
  // On a busy machine LOST_CPU lines alone would fill the driver's queue, which drops what comes
  // after. Bit id - 1 (kfd_ioctl.h, KFD_SMI_EVENT_MASK_FROM_INDEX).
  constexpr std::uint64_t kLostCpu = 1ull << (0x31 - 1);
  const std::uint64_t wanted = ~kLostCpu;
  REQUIRE(write(descriptor_, &wanted, sizeof(wanted)) == sizeof(wanted));
}

DriverLog::~DriverLog() { close(descriptor_); }

void DriverLog::read_more(int timeout_ms) {
  pollfd readable{.fd = descriptor_, .events = POLLIN, .revents = 0};
  poll(&readable, 1, timeout_ms);
  char buffer[8192];
  for (ssize_t got = read(descriptor_, buffer, sizeof(buffer)); got > 0;
       got = read(descriptor_, buffer, sizeof(buffer))) {
    partial_.append(buffer, static_cast<std::size_t>(got));
  }
  for (std::size_t end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n')) {
    const std::string line = partial_.substr(0, end);
    partial_.erase(0, end + 1);
    lines_.push_back(line);
  }
}

std::size_t DriverLog::count(const std::string& id, const std::string& tail) {
  read_more(0);
  return static_cast<std::size_t>(
      std::count_if(lines_.begin(), lines_.end(), [&](const std::string& line) {
        return line.starts_with(id + " ") && ends_with(line, tail);
      }));
}

std::size_t DriverLog::accusations() {
  const std::size_t protocol = count("32");
  std::uint64_t missed = 0;
  for (const std::string& line : lines_) {
    missed += line.starts_with("33 ") ? missed_pages(line) : 0;
  }
  const std::uint64_t excused = notifier::excused_pages(missed, moved_before_);
  const std::size_t accused = protocol + missed - excused;
  if (accused == 0) {
    return 0;
  }
  for (const std::string& line : lines_) {
    if (line.starts_with("32 ") || line.starts_with("33 ")) std::printf("%s\n", line.c_str());
  }
  std::printf("of %llu missed pages the kernel has moved %llu\n",
              static_cast<unsigned long long>(missed), static_cast<unsigned long long>(excused));
  return accused;
}

void DriverLog::wait_for(const std::string& id, std::size_t wanted, const std::string& tail) {
  while (count(id, tail) < wanted) {
    read_more(1000);
  }
}

std::vector<std::string> DriverLog::all_lines() {
  read_more(0);
  return lines_;
}

std::vector<std::string> DriverLog::lines() {
  std::vector<std::string> kept = all_lines();
  std::erase_if(kept, [](const std::string& line) { return line.starts_with("35 "); });
  return kept;
}

RunningKernel::RunningKernel(std::uint64_t* device_words, std::size_t words) {
  void* memory = nullptr;
  REQUIRE_HIP(hipHostMalloc(&memory, sizeof(KernelControl), hipHostMallocDefault));
  control_ = new (memory) KernelControl{};
  control_->end_word = words;
  REQUIRE_HIP(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking));
  SweepArguments arguments{device_words, control_};
  void* parameters[] = {&arguments};
  REQUIRE_HIP(hipLaunchKernel(reinterpret_cast<const void*>(&sweep_kernel), dim3(1), dim3(1),
                              parameters, 0, stream_));
  wait_for_passes(1);
}

std::uint64_t RunningKernel::passes() const { return load_shared(control_->passes); }
std::uint64_t RunningKernel::mismatches() const { return load_shared(control_->mismatches); }
std::uint64_t RunningKernel::zeros() const { return load_shared(control_->zeros); }

void RunningKernel::wait_for_passes(std::uint64_t more) {
  const std::uint64_t begin = passes();
  while (passes() < begin + more + 1) {  // the pass under way may have begun before the call
    sched_yield();
  }
}

void RunningKernel::stay_within(std::size_t first_word, std::size_t end_word) {
  store_shared(control_->first_word, first_word);
  store_shared(control_->end_word, end_word);
  wait_for_passes(1);
}

void RunningKernel::stop() {
  if (stream_ == nullptr) {
    return;
  }
  store_shared(control_->stop, 1);
  REQUIRE_HIP(hipStreamSynchronize(stream_));
  REQUIRE_HIP(hipStreamDestroy(stream_));
  stream_ = nullptr;
}

std::uint64_t load_word(const std::uint64_t* word) { return load_shared(*word); }

void ask_for_retry_faults() { REQUIRE(setenv("HSA_XNACK", "1", 1) == 0); }

char* map_memory(std::size_t size_bytes) {
  void* reserved =
      mmap(nullptr, size_bytes + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(reserved != MAP_FAILED);
  char* memory = static_cast<char*>(reserved) + kPage;
  REQUIRE(mprotect(memory, size_bytes, PROT_READ | PROT_WRITE) == 0);
  std::memset(memory, 1, size_bytes);
  return memory;
}

void map_fresh_memory_over(void* memory, std::size_t size_bytes) {
  REQUIRE(syscall(SYS_mmap, memory, size_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                  0) == static_cast<long>(reinterpret_cast<std::uintptr_t>(memory)));
}

std::uint64_t* register_memory(void* memory, std::size_t size_bytes) {
  void* device_pointer = nullptr;
  REQUIRE_HIP(hipHostRegister(memory, size_bytes, hipHostRegisterDefault));
  REQUIRE_HIP(hipHostGetDevicePointer(&device_pointer, memory, 0));
  return static_cast<std::uint64_t*>(device_pointer);
}

HeldChild::HeldChild(Made made, const std::function<int()>& in_child) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  pid_ =
      made == Made::kByLibc ? fork() : static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    close(ends[1]);
    char byte = 0;
    [[maybe_unused]] const ssize_t got = read(ends[0], &byte, 1);
    _exit(in_child ? in_child() : 0);
  }
  close(ends[0]);
  go_ = ends[1];
}

int HeldChild::finish() {
  if (pid_ < 0) {
    return 0;
  }
  close(go_);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace softgpu_test
