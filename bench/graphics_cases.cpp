// SPDX-License-Identifier: MIT
#include "bench/graphics_cases.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <system_error>

#include "analysis/flags.hpp"
#include "bench/plain_memory.hpp"
#include "harness/case.hpp"
#include "harness/pin/clock.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SampleRow;
using analysis::Status;

constexpr std::uint64_t kPatienceNs = 10'000'000'000;  // amdgpu's own job timeout (lockup_timeout)

void throw_if(bool failed, const char* what) {
  if (failed) throw std::system_error(errno, std::generic_category(), what);
}

void nothing() {}
void reap() {
  while (waitpid(-1, nullptr, 0) > 0) {
  }
}

void call_getppid(std::byte*, std::size_t) { (void)getppid(); }
void fork_exit(std::byte*, std::size_t) {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  throw_if(pid < 0, "fork");
}
void dontneed(std::byte* begin, std::size_t size_bytes) {
  throw_if(madvise(begin, size_bytes, MADV_DONTNEED) != 0, "madvise(MADV_DONTNEED)");
}
void map_fixed(std::byte* begin, std::size_t size_bytes) {
  throw_if(mmap(begin, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1, 0) == MAP_FAILED,
           "mmap(MAP_FIXED)");
}
void mprotect_ro_rw(std::byte* begin, std::size_t size_bytes) {
  throw_if(mprotect(begin, size_bytes, PROT_READ) != 0 ||
               mprotect(begin, size_bytes, PROT_READ | PROT_WRITE) != 0,
           "mprotect");
}

constexpr std::array kPerturbations{
    GraphicsPerturbation{"sham", "getppid in the place of the call", call_getppid, nothing},
    GraphicsPerturbation{"fork_exit", "fork; the child ends at once", fork_exit, reap},
    GraphicsPerturbation{"dontneed", "madvise(MADV_DONTNEED) of the buffer", dontneed, nothing},
    GraphicsPerturbation{"map_fixed", "mmap(MAP_FIXED) of fresh memory over it", map_fixed,
                         nothing},
    GraphicsPerturbation{"mprotect_ro_rw", "mprotect to read-only and back", mprotect_ro_rw,
                         nothing}};

class Session {
 public:
  Session(const GraphicsRequest& request, graphics::Device& device)
      : request_(request),
        device_(device),
        memory_(request.wanted.size_bytes),
        buffer_(device.attach(memory_.begin(), memory_.size_bytes())),
        random_(request.run.seed) {}

  /// How many passes over the buffer make a job of the wanted length; returns the job's real one.
  double calibrate() {
    const std::uint32_t most = device_.most_passes(memory_.size_bytes());
    const auto wanted_ns = static_cast<double>(request_.wanted.job_ns);
    for (passes_ = 1;; passes_ = std::min(most, 2 * passes_)) {
      job_ns_ = time_job();
      if (job_ns_ >= wanted_ns / 2 || passes_ == most) break;
    }
    const double scaled = passes_ * wanted_ns / std::max(job_ns_, 1.0);
    passes_ = static_cast<std::uint32_t>(std::clamp(scaled, 1.0, static_cast<double>(most)));
    return job_ns_ = time_job();
  }

  struct Event {
    double call_ns = 0;
    std::int64_t start_ns = 0;
    bool running_before = false;
    bool ended_at_return = false;
    std::uint64_t lost_words = 0;
  };

  Event measure(const GraphicsPerturbation& row) {
    Event event;
    const std::uint64_t fence = device_.submit(*buffer_, next_value(), passes_);
    wait_for_random_moment();
    event.running_before = !device_.wait(fence, 0);
    event.start_ns = pin::raw_clock_ns();
    row.perform(memory_.begin(), memory_.size_bytes());
    event.call_ns = static_cast<double>(pin::raw_clock_ns() - event.start_ns);
    event.ended_at_return = device_.wait(fence, 0);
    await(fence);
    row.finish();
    event.lost_words = check_next_job();
    return event;
  }

 private:
  std::uint32_t next_value() { return ++value_; }

  void await(std::uint64_t fence) {
    if (!device_.wait(fence, kPatienceNs)) throw graphics::DriverError("a job does not end");
  }

  double time_job() {
    const std::int64_t before_ns = pin::raw_clock_ns();
    await(device_.submit(*buffer_, next_value(), passes_));
    return static_cast<double>(pin::raw_clock_ns() - before_ns);
  }

  void wait_for_random_moment() {
    const double share = std::uniform_real_distribution<double>(0, 1)(random_);
    const std::int64_t until_ns = pin::raw_clock_ns() + static_cast<std::int64_t>(share * job_ns_);
    while (pin::raw_clock_ns() < until_ns) {
    }
  }

  /// The pages may be others now: a job that is submitted afterwards must write into those.
  std::uint64_t check_next_job() {
    const std::uint32_t expected = next_value();
    await(device_.submit(*buffer_, expected, 1));
    const auto* words = reinterpret_cast<const std::uint32_t*>(memory_.begin());
    const std::uint64_t count = memory_.size_bytes() / sizeof(std::uint32_t);
    const auto right = std::count(words, words + count, expected);
    return count - static_cast<std::uint64_t>(right);
  }

  const GraphicsRequest& request_;
  graphics::Device& device_;
  PlainMemory memory_;
  std::unique_ptr<graphics::UserBuffer> buffer_;
  std::mt19937_64 random_;
  std::uint32_t value_ = 0;
  std::uint32_t passes_ = 1;
  double job_ns_ = 0;
};

analysis::SummaryRow describe(const GraphicsRequest& request) {
  analysis::SummaryRow row = request.wanted.names().row(kGraphicsCaseVersion);
  row.memory_path = "userptr_bo";
  row.touch = "keeps";
  row.run = request.run.run;
  row.seed = static_cast<std::int64_t>(request.run.seed);
  return row;
}

void sample_events(const GraphicsRequest& request, Session& session, FiniteJobResult& result) {
  const GraphicsPerturbation& sham = kPerturbations.front();
  CaughtJobs caught;
  std::uint64_t lost = 0;
  for_each_event(request.run, result.identity, [&](std::int64_t number, bool is_sham) {
    const Session::Event event = session.measure(is_sham ? sham : *request.wanted.perturbation);
    if (!is_sham) caught.add(event.running_before, event.ended_at_return);
    SampleRow sample;
    sample.case_name = result.identity.case_name;
    sample.run = request.run.run;
    sample.event = number;
    sample.kind = is_sham ? analysis::EventKind::kSham : analysis::EventKind::kEvent;
    sample.start_ns = event.start_ns - request.run.recording_start_ns;
    sample[Metric::kSyscall] = event.call_ns;
    sample.violations = static_cast<std::int64_t>(event.lost_words);
    lost += event.lost_words;
    result.samples.push_back(std::move(sample));
    result.identity.recovery_observed = caught.describe("wait_for_jobs", "none", "mixed");
    result.identity.violations_lost = static_cast<std::int64_t>(lost);
  });
  if (result.identity.recovery_observed != "wait_for_jobs" &&
      request.wanted.perturbation != &sham) {
    analysis::add_flag(result.identity.flags, "recovery_differs");
  }
}

}  // namespace

std::span<const GraphicsPerturbation> graphics_perturbations() { return kPerturbations; }

FiniteJobNames GraphicsCase::names() const {
  return {.memory = "userptr",
          .perturbation = perturbation->name,
          .recovery = "wait_for_jobs",
          .size_bytes = size_bytes,
          .job_ns = job_ns};
}

std::vector<GraphicsCase> all_graphics_cases() {
  std::vector<GraphicsCase> cases;
  for (const GraphicsPerturbation& row : kPerturbations) {
    for (const std::uint64_t job_ns : kFiniteJobLengthsNs) {
      for (const std::uint64_t size_bytes : kFiniteJobSizes) {
        cases.push_back({&row, size_bytes, job_ns});
      }
    }
  }
  return cases;
}

FiniteJobResult run_graphics_case(const GraphicsRequest& request, graphics::Device& device) {
  FiniteJobResult result;
  result.identity = describe(request);
  try {
    Session session(request, device);
    result.run_values.push_back({Metric::kIteration, session.calibrate()});
    sample_events(request, session, result);
  } catch (const std::exception& error) {
    result.identity.status = Status::kFailed;
    result.identity.reason = error.what();
  }
  return result;
}

}  // namespace notifier
