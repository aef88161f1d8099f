// SPDX-License-Identifier: MIT
// The real kernel under every row: outcomes are those expected, wherever this machine can run them.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include "bench/pin_cases.hpp"
#include "harness/pin/clock.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/event.hpp"
#include "harness/pin/pinned_memory.hpp"
#include "harness/pin/plant.hpp"

namespace notifier::pin {
namespace {

constexpr std::uint64_t kSeed = 4711;

int running_kernel() {
  utsname name{};
  uname(&name);
  return kernel_version(name.release);
}

PinResult run(const PinCase& wanted, std::uint32_t events = 2) {
  return run_pin_case({.wanted = wanted,
                       .events = events,
                       .seed = kSeed,
                       .recording_start_ns = raw_clock_ns(),
                       .kernel_version = running_kernel()});
}

class EveryActor : public testing::TestWithParam<ActorRow> {};

// ksmd and whole-machine compaction would disturb other tests; notifier_pin runs them.
TEST_P(EveryActor, HasTheExpectedOutcomes) {
  const ActorRow& actor = *find_actor(GetParam().name);
  if (running_kernel() < actor.expected_since) {
    GTEST_SKIP() << "nothing is expected of kernels this old";
  }
  int ran = 0;
  std::string reason;
  for (const PerturbationRow& row : perturbations()) {
    if (row.whole_machine) continue;
    const PinResult result = run({.actor = &actor, .perturbation = &row});
    EXPECT_NE(result.identity.status, analysis::Status::kFailed)
        << row.name << "/" << row.policy << ": " << result.identity.reason;
    EXPECT_EQ(analysis::total_violations(result.identity).value_or(0), 0) << row.name;
    if (result.identity.status == analysis::Status::kOk) {
      ++ran;
      EXPECT_FALSE(result.identity.outcome.empty()) << row.name;
      EXPECT_TRUE(result.identity.words_checked.value_or(0) > 0 ||
                  result.identity.outcome == "fault")
          << row.name;
    } else if (row.name == "none") {
      reason = result.identity.reason;
    }
  }
  if (ran == 0) GTEST_SKIP() << reason;
}

INSTANTIATE_TEST_SUITE_P(Pin, EveryActor, testing::ValuesIn(actors().begin(), actors().end()),
                         [](const auto& test) { return std::string(test.param.name); });

class EveryBacking : public testing::TestWithParam<BackingRow> {};

TEST_P(EveryBacking, HasTheExpectedOutcomesUnderEveryCopyOnWrite) {
  int ran = 0;
  std::string reason;
  for (const PinCase& wanted : all_pin_cases()) {
    if (wanted.backing != GetParam().backing || wanted.perturbation == nullptr ||
        !wanted.perturbation->on_all_pages || !wanted.actor->on_all_pages) {
      continue;
    }
    const PinResult result = run(wanted, 1);
    EXPECT_NE(result.identity.status, analysis::Status::kFailed)
        << wanted.name() << ": " << result.identity.reason;
    EXPECT_EQ(analysis::total_violations(result.identity).value_or(0), 0) << wanted.name();
    if (result.identity.status == analysis::Status::kOk) {
      ++ran;
    } else if (wanted.actor->name == "process_vm" && wanted.perturbation->name == "none") {
      reason = result.identity.reason;
    }
  }
  if (ran == 0) GTEST_SKIP() << reason;
}

INSTANTIATE_TEST_SUITE_P(Pages, EveryBacking,
                         testing::ValuesIn(backings().begin(), backings().end()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Plants, EachIsCaughtAndNamed) {
  const std::vector<PlantOutcome> outcomes = run_plants(kSeed);
  EXPECT_GE(outcomes.size(), 9u);
  for (const PlantOutcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.caught) << outcome.planted << ": found " << outcome.found;
  }
}

// Every "coherent" of the table can fail: lost data are noticed under each perturbation.
TEST(Plants, LostDataAreNoticedUnderEveryPerturbation) {
  const std::vector<PlantOutcome> outcomes = run_losses(kSeed);
  EXPECT_GE(outcomes.size(), 48u);
  for (const PlantOutcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.caught) << outcome.planted << ": found " << outcome.found;
  }
}

// What a wrong expectation looks like: the case fails and says what was expected.
TEST(PinCases, AnUnexpectedOutcomeFails) {
  PerturbationRow row = *find_perturbation("munmap", "default");
  row.expected.nothing_writes = Outcome::kCoherent;
  const PinResult result = run({.actor = find_actor("process_vm"), .perturbation = &row});
  EXPECT_EQ(result.identity.status, analysis::Status::kFailed);
  EXPECT_EQ(result.identity.outcome, "fault");
  EXPECT_NE(result.identity.reason.find("fault where coherent was expected"), std::string::npos)
      << result.identity.reason;
}

TEST(PinCases, OldKernelsAreOnlyReported) {
  PerturbationRow row = *find_perturbation("munmap", "default");
  row.expected.nothing_writes = Outcome::kCoherent;
  const PinResult result =
      run_pin_case({.wanted = {.actor = find_actor("process_vm"), .perturbation = &row},
                    .events = 1,
                    .seed = kSeed,
                    .kernel_version = 5004});
  EXPECT_EQ(result.identity.status, analysis::Status::kOk) << result.identity.reason;
  EXPECT_EQ(result.identity.outcome, "fault");
}

void do_nothing_at_all(Event& /*event*/) {}
std::string why_never() { return "this machine lacks the moon"; }

TEST(PinCases, APerturbationThatMovedNothingIsSkipped) {
  const PerturbationRow row{.name = "move_nothing",
                            .policy = "default",
                            .summary = "",
                            .source = "",
                            .moves = true,
                            .expected = {},
                            .perform = do_nothing_at_all};
  const PinResult result = run({.actor = find_actor("process_vm"), .perturbation = &row});
  EXPECT_EQ(result.identity.status, analysis::Status::kSkipped);
  EXPECT_NE(result.identity.reason.find("control"), std::string::npos) << result.identity.reason;
  EXPECT_TRUE(result.identity.outcome.empty());
}

TEST(PinCases, WhatAMachineLacksIsTheReason) {
  PerturbationRow row = *find_perturbation("none", "default");
  row.cannot_run = why_never;
  const PinResult result = run({.actor = find_actor("process_vm"), .perturbation = &row});
  EXPECT_EQ(result.identity.status, analysis::Status::kSkipped);
  EXPECT_EQ(result.identity.reason, "this machine lacks the moon");
  EXPECT_TRUE(result.samples.empty());
}

TEST(PinCases, TogetherNothingIsTornOrLost) {
  for (const TogetherRow& row : together_rows()) {
    const PinResult result = run({.actor = find_actor(row.first), .together = &row});
    if (result.identity.status == analysis::Status::kSkipped) continue;
    EXPECT_EQ(result.identity.status, analysis::Status::kOk) << result.identity.reason;
    EXPECT_EQ(result.identity.outcome, "coherent") << row.name;
  }
}

// A deadline that has passed leaves one event of each direction, and says so.
TEST(PinCases, WithoutTimeEachDirectionHasOneEvent) {
  const PinResult result =
      run_pin_case({.wanted = {.actor = find_actor("process_vm"),
                               .perturbation = find_perturbation("none", "default")},
                    .events = 10,
                    .seed = kSeed,
                    .kernel_version = running_kernel(),
                    .deadline_ns = raw_clock_ns()});
  EXPECT_EQ(result.samples.size(), 2u);
  EXPECT_TRUE(result.cut_short);
  EXPECT_EQ(result.identity.outcome, "coherent");
}

TEST(ActorPool, AReusableActorComesBackAndOthersDoNot) {
  ActorPool pool;
  const ActorRow* reusable = find_actor("direct_aio");
  const Actor* first = nullptr;
  try {
    first = &*BorrowedActor(pool, *reusable);
  } catch (const CannotRun& reason) {
    GTEST_SKIP() << reason.what();
  }
  const BorrowedActor again(pool, *reusable);
  EXPECT_EQ(&*again, first);
  const BorrowedActor another(pool, *reusable);
  EXPECT_NE(&*another, first);
  EXPECT_FALSE(find_actor("vmsplice")->reusable);
}

TEST(PinCases, CostsAreMeasuredBySize) {
  const PinResult result = run({.actor = find_actor("process_vm"), .size_bytes = 1 << 20});
  ASSERT_EQ(result.samples.size(), 2u);
  EXPECT_GT(result.samples[0][analysis::Metric::kSyscall].value_or(0), 0);
  EXPECT_GT(result.samples[0][analysis::Metric::kFirstWrite].value_or(0), 0);
  ASSERT_EQ(result.run_values.size(), 1u);
  EXPECT_EQ(result.run_values[0].metric, analysis::Metric::kRegister);
}

TEST(PinCases, NamesAreUniqueAndComplete) {
  std::set<std::string> names;
  for (const PinCase& wanted : all_pin_cases()) {
    EXPECT_TRUE(names.insert(wanted.name()).second) << wanted.name() << " stands twice";
  }
  EXPECT_TRUE(names.contains("pin_io_uring_fixed/anon/fork_parent_write/dontfork/none/none/64KiB"));
  EXPECT_TRUE(names.contains("pin_io_uring_fixed/anon/fork_exit/default/none/none/64MiB"));
  EXPECT_TRUE(names.contains("pin_vmsplice/thp/dontneed/default/none/none/64KiB"));
}

TEST(PinCases, KernelVersions) {
  EXPECT_EQ(kernel_version("6.18.44-fc"), 6018);
  EXPECT_EQ(kernel_version("5.4.0"), 5004);
  EXPECT_EQ(kernel_version("nothing"), 0);
}

// In a process of its own: CAP_IPC_LOCK ignores the limit (io_uring/rsrc.c io_account_mem), so root
// has to become somebody else for good.
[[noreturn]] void register_without_allowance() {
  const rlimit nothing{0, 0};
  const bool limited = setrlimit(RLIMIT_MEMLOCK, &nothing) == 0 &&
                       (geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);
  const PinResult result = run({.actor = find_actor("io_uring_fixed"),
                                .perturbation = find_perturbation("none", "default")});
  std::fprintf(stderr, "%s: %s\n",
               result.identity.status == analysis::Status::kSkipped ? "skipped" : "ran",
               result.identity.reason.c_str());
  std::_Exit(limited ? 0 : 1);
}

// A limit of nothing makes the kernel refuse; the reason names the limit and what to do.
TEST(MemlockDeathTest, ASmallLimitIsAClearMessage) {
  EXPECT_EXIT(register_without_allowance(), testing::ExitedWithCode(0),
              "skipped: .*RLIMIT_MEMLOCK is 0 KiB");
}

// The registration shows in VmPin, and its end does too: so a leak would.
TEST(PinnedMemory, ShowsWhatIsHeldAndThatItIsGone) {
  const SystemView view;
  const PinnedMemory before = read_pinned_memory(view);
  std::unique_ptr<Actor> actor;
  Region region({});
  try {
    actor = find_actor("io_uring_fixed")->make();
    actor->attach(region.used(), Direction::kDeviceWrites);
  } catch (const CannotRun& reason) {
    GTEST_SKIP() << reason.what();
  }
  const PinnedMemory held = read_pinned_memory(view);
  EXPECT_NE(describe_leak(before, held), "");
  actor->detach();
  const PinnedMemory after = read_pinned_memory(view);
  EXPECT_EQ(after.process_pinned_kib, before.process_pinned_kib);
}

TEST(PinnedMemory, LeaksAreNamed) {
  const PinnedMemory before{.pins = 3, .process_pinned_kib = 0, .process_locked_kib = 8};
  PinnedMemory after = before;
  EXPECT_EQ(describe_leak(before, after), "");
  after.pins = 5;
  EXPECT_NE(describe_leak(before, after).find("from 3 to 5"), std::string::npos);
  after = before;
  after.process_pinned_kib = 64;
  EXPECT_NE(describe_leak(before, after).find("VmPin"), std::string::npos);
}

}  // namespace
}  // namespace notifier::pin
