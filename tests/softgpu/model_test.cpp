// SPDX-License-Identifier: MIT
// Random operations on memory that CPU and device share, against a sequential model: one thread
// makes them one after the other, so every read has exactly one right answer.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "model_region.hpp"
#include "order_executor.hpp"
#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kRegions = 8;
// The driver's queue holds 8 KiB and drops what comes after: a step writes a few hundred bytes.
constexpr std::uint64_t kStepsBetweenLooks = 8;

/// A child that holds the memory of its fork and looks at it when it is let go.
struct Snapshot {
  pid_t pid = -1;
  int go = -1;
};

class Model {
 public:
  Model(std::uint64_t seed, bool retry, bool job_each)
      : random_(seed), retry_(retry), executor_(job_each) {
    REQUIRE_HIP(hipStreamCreateWithFlags(&moves_, hipStreamNonBlocking));
    for (std::size_t index = 0; index < kRegions; ++index) {
      regions_[index].make(static_cast<Kind>(index % (retry_ ? 4 : 3)));
    }
  }

  void step() {
    using Operation = void (Model::*)();
    struct Weighted {
      unsigned weight;
      Operation operation;
    };
    static constexpr std::array<Weighted, 15> kOperations{{{25, &Model::device_store},
                                                           {25, &Model::device_load},
                                                           {20, &Model::cpu_store},
                                                           {20, &Model::cpu_load},
                                                           {6, &Model::drop_pages},
                                                           {2, &Model::protect_and_back},
                                                           {2, &Model::map_over},
                                                           {1, &Model::move_and_back},
                                                           {1, &Model::make_anew},
                                                           {1, &Model::fork_and_hold},
                                                           {1, &Model::let_go},
                                                           {2, &Model::shrink_neighbour},
                                                           {2, &Model::migrate},
                                                           {2, &Model::set_attribute},
                                                           {1, &Model::register_anew}}};
    unsigned total = 0;
    for (const Weighted& each : kOperations) {
      total += each.weight;
    }
    unsigned at = below(total);
    for (const Weighted& each : kOperations) {
      if (at < each.weight) {
        (this->*each.operation)();
        return;
      }
      at -= each.weight;
    }
  }

  void finish() {
    for (Region& region : regions_) {
      for (std::size_t page = 0; page < kPages; ++page) {
        REQUIRE(executor_.load(region.device_word(page)) == region.expected[page]);
        REQUIRE(load_word(region.word(page)) == region.expected[page]);
      }
    }
    while (!snapshots_.empty()) {
      let_go();
    }
    executor_.stop();
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  /// Both halves are new, or a torn store would not be seen.
  std::uint64_t next_value() {
    ++values_;
    return values_ << 32 | values_;
  }
  Region& any_region() { return regions_[below(kRegions)]; }
  /// Without retry faults an SVM range ends with its mapping.
  Region& any_region_that_survives() {
    for (;;) {
      Region& region = any_region();
      if (!region.migrates() || retry_) {
        return region;
      }
    }
  }

  void device_store() {
    Region& region = any_region();
    const std::size_t page = below(kPages);
    const std::uint64_t value = region.expected[page] = next_value();
    executor_.store(region.device_word(page), value);
  }

  void device_load() {
    Region& region = any_region();
    const std::size_t page = below(kPages);
    REQUIRE(executor_.load(region.device_word(page)) == region.expected[page]);
  }

  void cpu_store() {
    Region& region = any_region();
    const std::size_t page = below(kPages);
    const std::uint64_t value = region.expected[page] = next_value();
    __atomic_store_n(region.word(page), value, __ATOMIC_RELEASE);
  }

  void cpu_load() {
    Region& region = any_region();
    const std::size_t page = below(kPages);
    REQUIRE(load_word(region.word(page)) == region.expected[page]);
  }

  struct Run {
    std::size_t first;
    std::size_t end;
  };
  Run any_run() {
    const std::size_t first = below(kPages);
    return {first, first + 1 + below(static_cast<unsigned>(kPages - first))};
  }

  void drop_pages() {
    Region& region = any_region();
    const Run run = any_run();
    REQUIRE(madvise(region.host + run.first * kPage, (run.end - run.first) * kPage,
                    MADV_DONTNEED) == 0);
    std::fill(region.expected.begin() + run.first, region.expected.begin() + run.end, 0);
  }

  void protect_and_back() {
    Region& region = any_region();
    const Run run = any_run();
    char* begin = region.host + run.first * kPage;
    const std::size_t size = (run.end - run.first) * kPage;
    REQUIRE(mprotect(begin, size, PROT_READ) == 0);
    REQUIRE(load_word(region.word(run.first)) == region.expected[run.first]);
    REQUIRE(mprotect(begin, size, PROT_READ | PROT_WRITE) == 0);
  }

  void map_over() {
    Region& region = any_region_that_survives();
    region.replaced = true;
    const Run run = any_run();
    char* begin = region.host + run.first * kPage;
    REQUIRE(mmap(begin, (run.end - run.first) * kPage, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == begin);
    std::fill(region.expected.begin() + run.first, region.expected.begin() + run.end, 0);
  }

  void move_and_back() {
    Region& region = any_region_that_survives();
    region.replaced = true;
    const std::size_t page = below(kPages);
    char* begin = region.host + page * kPage;
    void* elsewhere = mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(elsewhere != MAP_FAILED);
    REQUIRE(mremap(begin, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) == elsewhere);
    REQUIRE(mremap(elsewhere, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, begin) == begin);
  }

  void make_anew() {
    // HIP's own calls would wait for the kernel; unmapping ends an SVM range without.
    Region& region = any_region();
    if (region.kind != Kind::kUserptr) {
      REQUIRE(munmap(region.host, kBytes) == 0);
      region.make(region.kind);
    }
  }

  /// Managed memory to the device or home, and where its next fault takes it.
  void migrate() {
    Region& region = any_region();
    if (region.kind != Kind::kManaged || region.replaced) {
      return;
    }
    const Run run = any_run();
    const char* begin = region.host + run.first * kPage;
    const std::size_t size = (run.end - run.first) * kPage;
    const int location = below(3) == 0 ? hipCpuDeviceId : 0;
    REQUIRE_HIP(hipMemAdvise(begin, size, hipMemAdviseSetPreferredLocation,
                             below(2) == 0 ? hipCpuDeviceId : 0));
    REQUIRE_HIP(hipMemPrefetchAsync(begin, size, location, moves_));
    REQUIRE_HIP(hipStreamSynchronize(moves_));
  }

  /// Where pages go, how many at a time, and whether queues stop for them.
  void set_attribute() {
    Region& region = any_region();
    if (region.migrates() && !region.replaced) {
      const Run run = any_run();
      region.set_some_attribute(random_, run.first, run.end);
    }
  }

  /// The thunk's steps do not wait for the kernel, as HIP's would.
  void register_anew() {
    Region& region = any_region();
    if (region.kind == Kind::kUserptr) {
      region.register_anew(below(2) == 0);
    }
  }

  void shrink_neighbour() {
    char* memory = map_memory(2 * kPage);
    REQUIRE(munmap(memory, 2 * kPage) == 0);
  }

  void fork_and_hold() {
    if (snapshots_.size() == 2) {
      return;
    }
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      char byte = 0;
      close(ends[1]);
      [[maybe_unused]] const ssize_t got = read(ends[0], &byte, 1);
      _exit(child_agrees() ? 0 : 1);
    }
    close(ends[0]);
    snapshots_.push_back({pid, ends[1]});
  }

  /// In the child: its memory is what it was at the fork, whatever the parent has done since.
  bool child_agrees() {
    for (Region& region : regions_) {
      for (std::size_t page = 0; page < kPages; ++page) {
        if (*region.word(page) != region.expected[page]) {
          return false;
        }
        *region.word(page) = ~0ull;  // nobody else must see this
      }
    }
    return true;
  }

  void let_go() {
    if (snapshots_.empty()) {
      return;
    }
    const Snapshot snapshot = snapshots_.back();
    snapshots_.pop_back();
    close(snapshot.go);
    int status = 0;
    REQUIRE(waitpid(snapshot.pid, &status, 0) == snapshot.pid);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  std::mt19937_64 random_;
  const bool retry_;
  std::uint64_t values_ = 0;
  std::array<Region, kRegions> regions_{};
  std::vector<Snapshot> snapshots_;
  hipStream_t moves_ = nullptr;  // the executor's kernel runs on another
  OrderExecutor executor_;
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

PROCESS_BODY(random_operations) {
  const std::uint64_t steps = number_from("SOFTGPU_MODEL_STEPS", 5'000);
  const std::uint64_t seed = number_from("SOFTGPU_MODEL_SEED", std::random_device()());
  std::printf("SOFTGPU_MODEL_SEED=%llu SOFTGPU_MODEL_STEPS=%llu\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(steps));
  std::fflush(stdout);
  DriverLog log;
  int retry = 0;
  REQUIRE_HIP(hipDeviceGetAttribute(&retry, hipDeviceAttributePageableMemoryAccess, 0));
  const char* wave_save = std::getenv("SOFTGPU_CWSR");
  Model model(seed, retry != 0, wave_save != nullptr && std::string(wave_save) == "0");
  for (std::uint64_t step = 0; step < steps; ++step) {
    model.step();
    if (step % kStepsBetweenLooks == 0) {
      REQUIRE(log.accusations() == 0);
    }
  }
  model.finish();
  softgpu_audit_now();
  REQUIRE(log.accusations() == 0);
}

void run_model(const Environment& environment) {
  const ProcessResult result = run_process("random_operations", environment);
  std::printf("%s", result.output.c_str());  // the seed
  expect_passed(result);
}

TEST(Model, PreemptionWithoutDelays) { run_model({{"SOFTGPU_DELAYS", "off"}}); }

TEST(Model, PreemptionWithDelays) { run_model({{"SOFTGPU_MODEL_STEPS", "500"}}); }

TEST(Model, RetryFaultsWithoutDelays) {
  run_model({{"SOFTGPU_DELAYS", "off"}, {"HSA_XNACK", "1"}});
}

TEST(Model, RetryFaultsWithDelays) {
  run_model({{"HSA_XNACK", "1"}, {"SOFTGPU_MODEL_STEPS", "500"}});
}

TEST(Model, WaitingForJobsWithoutDelays) {
  run_model({{"SOFTGPU_DELAYS", "off"}, {"SOFTGPU_CWSR", "0"}});
}

/// The model must be able to fail: what each of these breaks has to come out.
class ModelFinds : public testing::TestWithParam<const char*> {};

/// What the plant broke came out: as a wrong value, an accusation, or a wave that went on with a
/// page-table entry that the CPU's forbids.
bool is_found(const ProcessResult& result) {
  const auto says = [&](const char* text) { return result.output.find(text) != std::string::npos; };
  return (result.exit_status == 1 && says("does not hold")) ||
         (result.signal == SIGABRT && says("an invalidation was missed"));
}

/// Strikes once in some thousand accesses; a wave that does not poll makes few.
bool counts_accesses(const std::string& plant) { return plant == "zero" || plant == "foreign"; }

TEST_P(ModelFinds, InEachRecovery) {
  const std::string plant = GetParam();
  const bool seen_in_data = counts_accesses(plant) || plant == "stale" ||
                            plant == "lost_copy_back" || plant == "stale_device_copy";
  if (!seen_in_data && geteuid() != 0) {
    GTEST_SKIP() << "page frame numbers need CAP_SYS_ADMIN";
  }
  std::vector<Environment> recoveries = {{}, {{"HSA_XNACK", "1"}}};
  if (!counts_accesses(plant)) {
    recoveries.push_back({{"SOFTGPU_CWSR", "0"}});
  }
  for (const Environment& recovery : recoveries) {
    // Pages that the kernel migrates anywhere on the machine meanwhile excuse as many missed ones,
    // so another program's compaction can hide a plant: it has several chances to be found.
    std::string output;
    bool found = false;
    for (int seed = 7; seed < 12 && !found; ++seed) {
      Environment environment = recovery;
      environment.insert({{"SOFTGPU_PLANT", plant},
                          {"SOFTGPU_DELAYS", "off"},
                          {"SOFTGPU_MODEL_SEED", std::to_string(seed)}});
      const ProcessResult result = run_process("random_operations", environment);
      output += result.output;
      found = is_found(result);
    }
    EXPECT_TRUE(found) << output;
  }
}

// Of the hooks, those whose loss leaves a wrong page behind; HookMutation takes out each. Of the
// plants, `lost` and `torn` strike once in 65537 stores, more than a run makes: self-test has them.
INSTANTIATE_TEST_SUITE_P(Plants, ModelFinds,
                         testing::Values("stale", "foreign", "zero", "early_resume",
                                         "skip_hook:madvise", "skip_hook:munmap", "skip_hook:mmap",
                                         "skip_hook:clone", "lost_copy_back", "stale_device_copy"));

}  // namespace
}  // namespace softgpu_test
