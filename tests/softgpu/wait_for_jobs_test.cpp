// SPDX-License-Identifier: MIT
// A device that cannot save waves (SOFTGPU_CWSR=0): invalidations wait for jobs, new jobs wait for
// the restore.
#include <hip/hip_runtime.h>
#include <hsa/hsa_ext_amd.h>
#include <hsakmt.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "device_primitives.hpp"
#include "process_test.hpp"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 8 * kPage;
constexpr std::size_t kWords = kSize / 8;
constexpr std::uint64_t kJobSteps = 64;
const std::string kRestored = " 50f7";
const std::string kRescheduled = " 50f7 R";

/// Virtual time: a job advances by one step for each that it is allowed.
struct JobControl {
  std::uint64_t allowed;
  std::uint64_t begun;
  std::uint64_t done;
  std::uint64_t wrong;
};

struct JobArguments {
  std::uint64_t* words;
  JobControl* control;
  std::uint64_t value;
  std::uint64_t before;  // what it must find, ~0: whatever
};

__global__ void stepping_job(JobArguments job) {
  using namespace notifier::device;
  store(&job.control->begun, 1);
  for (std::uint64_t step = 0; step < kJobSteps; ++step) {
    while (load_acquire(&job.control->allowed) <= step) {
      clock_ticks();
    }
    std::uint64_t* word = job.words + step * 97 % kWords;
    if (job.before != ~0ull && load(word) != job.before) {
      store(&job.control->wrong, 1);
    }
    store(word, job.value);
    store(&job.control->done, step + 1);
  }
}
NOTIFIER_KERNEL(stepping_job, JobArguments)

class Job {
 public:
  Job() {
    void* memory = nullptr;
    REQUIRE_HIP(hipHostMalloc(&memory, sizeof(JobControl), hipHostMallocDefault));
    control_ = new (memory) JobControl{};
    REQUIRE_HIP(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking));
  }

  void submit(std::uint64_t* device_words, std::uint64_t value, std::uint64_t before = ~0ull,
              std::uint32_t waves = 1) {
    *control_ = {};
    JobArguments arguments{device_words, control_, value, before};
    void* parameters[] = {&arguments};
    REQUIRE_HIP(hipLaunchKernel(reinterpret_cast<const void*>(&stepping_job), dim3(waves), dim3(1),
                                parameters, 0, stream_));
  }
  void allow(std::uint64_t steps) { __atomic_store_n(&control_->allowed, steps, __ATOMIC_RELEASE); }
  void wait_for_step(std::uint64_t step) {
    while (done() < step) {
      sched_yield();
    }
  }
  std::uint64_t done() const { return load_word(&control_->done); }
  bool begun() const { return load_word(&control_->begun) != 0; }
  bool wrong() const { return load_word(&control_->wrong) != 0; }
  void wait() { REQUIRE_HIP(hipStreamSynchronize(stream_)); }
  hipStream_t stream() const { return stream_; }

 private:
  JobControl* control_ = nullptr;
  hipStream_t stream_ = nullptr;
};

/// A thread that drops the first page of the memory, and how far the job was when it came back.
class Dropper {
 public:
  Dropper(char* memory, const Job& job)
      : thread_([this, memory, &job] {
          REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
          done_at_return_ = job.done();
        }) {}
  std::uint64_t done_at_return() {
    thread_.join();
    return done_at_return_;
  }

 private:
  std::uint64_t done_at_return_ = 0;
  std::thread thread_;
};

/// A job that needs more waves than have been made; it ends by itself.
PROCESS_BODY(fork_beside_first_waves) {
  DriverLog log;
  std::uint64_t* words = register_memory(map_memory(kSize), kSize);
  constexpr std::uint32_t kMostWaves = 40;
  Job job;
  for (std::uint32_t waves = 1; waves <= kMostWaves; ++waves) {
    job.submit(words, waves, ~0ull, waves);
    job.allow(kJobSteps);
    HeldChild child(HeldChild::Made::kByLibc);
    job.wait();
  }
  REQUIRE(log.accusations() == 0);
}
/// Its thread is made with the allocator, whose locks fork holds while it waits for jobs.
TEST(WaitForJobs, ForkDoesNotWaitForAWaveThatIsStillToBeMade) {
  expect_passed(
      run_process("fork_beside_first_waves", {{"SOFTGPU_CWSR", "0"}, {"SOFTGPU_WAVES", "40"}}));
}

/// The wait of an invalidation at a uniform phase of a job of known length is uniform on the
/// job's length: its quantile q is q times the length. In steps, so nothing depends on the machine.
PROCESS_BODY(invalidation_at_each_phase) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  Job job;
  std::vector<std::uint64_t> waited;
  for (std::uint64_t phase = 0; phase < kJobSteps; ++phase) {
    job.submit(device_words, phase + 1);
    job.allow(phase);
    job.wait_for_step(phase);
    Dropper dropper(memory, job);
    log.wait_for("9", phase + 1, " 50f7 1");
    REQUIRE(job.done() == phase);  // the driver has begun to wait, and the job goes on as it likes
    job.allow(kJobSteps);
    const std::uint64_t done = dropper.done_at_return();
    REQUIRE(done == kJobSteps);
    waited.push_back(done - phase);
    log.wait_for("a", phase + 1, kRestored);
  }
  std::sort(waited.begin(), waited.end());
  REQUIRE(waited[kJobSteps / 2 - 1] == kJobSteps / 2);
  REQUIRE(waited[kJobSteps * 9 / 10 - 1] == kJobSteps * 9 / 10);
  REQUIRE(waited.back() == kJobSteps);
  REQUIRE(log.accusations() == 0);
}

PROCESS_BODY(new_jobs_are_held_back) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  Job first;
  Job second;
  first.submit(device_words, 1);
  first.allow(1);
  first.wait_for_step(1);
  std::thread protecting([memory] { REQUIRE(mprotect(memory, kPage, PROT_READ) == 0); });
  log.wait_for("9", 1, " 50f7 1");
  first.allow(kJobSteps);
  protecting.join();
  REQUIRE(first.done() == kJobSteps);
  // Read-only memory cannot be restored, so the second job has to wait for more than the call.
  second.submit(device_words, 2, 1);
  second.allow(kJobSteps);
  log.wait_for("a", 3, kRescheduled);
  REQUIRE(!second.begun());
  REQUIRE(mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
  second.wait();
  REQUIRE(second.done() == kJobSteps && !second.wrong());
  REQUIRE(log.count("a", kRestored) == 1);
  REQUIRE(log.accusations() == 0);
}

PROCESS_BODY(later_jobs_see_the_new_pages) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  Job job;
  job.submit(device_words, 1);
  job.allow(kJobSteps);
  job.wait();
  {
    // The child keeps the old pages; whatever the next job writes goes to the parent's new ones.
    HeldChild child(HeldChild::Made::kByLibc, [memory] {
      return load_word(reinterpret_cast<std::uint64_t*>(memory)) == 1 ? 0 : 1;
    });
    job.submit(device_words, 2, 1);
    job.allow(kJobSteps);
    job.wait();
    REQUIRE(!job.wrong());
    REQUIRE(load_word(reinterpret_cast<std::uint64_t*>(memory)) == 2);
    REQUIRE(child.finish() == 0);
  }
  REQUIRE(log.count("9") >= 1);
  REQUIRE(log.accusations() == 0);
}

/// Fences: a job that has been submitted counts, though it waits for another (kfd_facts §3, the
/// reservation object; context.md's fence chains).
PROCESS_BODY(queued_jobs_are_waited_for) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  Job first;
  Job second;
  hipEvent_t first_ended = nullptr;
  REQUIRE_HIP(hipEventCreate(&first_ended));
  first.submit(device_words, 1);
  REQUIRE_HIP(hipEventRecord(first_ended, first.stream()));
  REQUIRE_HIP(hipStreamWaitEvent(second.stream(), first_ended, 0));
  second.submit(device_words, 2, 1);
  Dropper dropper(memory, second);
  log.wait_for("9", 1, " 50f7 1");
  REQUIRE(!second.begun());
  second.allow(kJobSteps);
  first.allow(kJobSteps);
  REQUIRE(dropper.done_at_return() == kJobSteps);
  REQUIRE(!second.wrong());
  REQUIRE(log.accusations() == 0);
}

PROCESS_BODY(job_without_end) {
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  madvise(memory, kPage, MADV_DONTNEED);
}

std::atomic<bool> handled{false};

hsa_status_t take_note(const hsa_amd_event_t* event, void*) {
  handled.store(event->event_type == HSA_AMD_GPU_MEMORY_FAULT_EVENT);
  return HSA_STATUS_SUCCESS;
}

PROCESS_BODY(job_faults_while_it_is_waited_for) {
  DriverLog log;
  REQUIRE(hsa_amd_register_system_event_handler(take_note, nullptr) == HSA_STATUS_SUCCESS);
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  Job other;
  other.submit(device_words, 1);
  Job job;
  job.submit(device_words + kWords, 1);  // behind the end
  Dropper dropper(memory, job);
  log.wait_for("9", 1, " 50f7 1");
  job.allow(1);
  dropper.done_at_return();
  while (!handled.load()) {
    sched_yield();
  }
}

PROCESS_BODY(retry_faults_are_refused) {
  REQUIRE(hsaKmtOpenKFD() == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtSetXNACKMode(1) != HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtSetXNACKMode(0) == HSAKMT_STATUS_SUCCESS);
}

class WaitForJobs : public testing::TestWithParam<const char*> {};

TEST_P(WaitForJobs, Holds) {
  expect_passed(run_process(
      GetParam(),
      {{"SOFTGPU_CWSR", "0"}, {"SOFTGPU_WAVES", "2"}, {"SOFTGPU_WAIT_LIMIT_MS", "100000"}}));
}

INSTANTIATE_TEST_SUITE_P(Bodies, WaitForJobs,
                         testing::Values("invalidation_at_each_phase", "new_jobs_are_held_back",
                                         "later_jobs_see_the_new_pages",
                                         "queued_jobs_are_waited_for",
                                         "job_faults_while_it_is_waited_for",
                                         "retry_faults_are_refused"),
                         [](const auto& each) { return std::string(each.param); });

TEST(WaitForJobs, AJobWithoutEndIsNamed) {
  const ProcessResult result =
      run_process("job_without_end", {{"SOFTGPU_CWSR", "0"}, {"SOFTGPU_WAIT_LIMIT_MS", "300"}});
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find("has waited 300 ms for a job to end (SOFTGPU_CWSR=0"),
            std::string::npos)
      << result.output;
}

}  // namespace
}  // namespace softgpu_test
