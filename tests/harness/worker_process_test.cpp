// SPDX-License-Identifier: MIT
// The parent against workers that misbehave. This program is its own worker: started with the
// socket's variable in the environment it does what NOTIFIER_TEST_BEHAVIOUR says.
#include "harness/worker_process.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

namespace notifier {
namespace {

std::string behaviour() {
  const char* value = std::getenv("NOTIFIER_TEST_BEHAVIOUR");
  return value != nullptr ? value : "";
}

analysis::SampleRow made_sample() {
  analysis::SampleRow sample;
  sample.case_name = "c";
  return sample;
}

CaseResult made_result() {
  CaseResult result;
  for (std::string* field :
       {&result.identity.case_name, &result.identity.memory, &result.identity.backing,
        &result.identity.perturbation, &result.identity.policy, &result.identity.recovery,
        &result.identity.context}) {
    *field = "x";
  }
  return result;
}

int act_as_worker() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  MessageChannel channel{FileDescriptor(std::atoi(std::getenv(kWorkerSocketVariable)))};
  const std::string told = behaviour();
  if (told == "no device") {
    channel.send({{"type", "no_device"}, {"reason", "nothing there"}});
    return 77;
  }
  if (told == "dies at once") return 3;
  DeviceInfo device;
  device.platform = "software";
  nlohmann::json hello = to_json(device);
  hello["type"] = "hello";
  channel.send(hello);
  nlohmann::json request;
  channel.receive(request, -1);
  channel.send({{"type", "phase"}, {"phase", "fork_exit"}, {"event", 7}});
  channel.send({{"type", "sample"}, {"row", to_csv(made_sample())}});
  if (told == "is killed") raise(SIGKILL);
  if (told == "exits") return 5;
  if (told == "talks nonsense") {
    const std::string nonsense = "nonsense\n";
    (void)!write(channel.descriptor(), nonsense.data(), nonsense.size());
  }
  if (told == "fails") channel.send({{"type", "failed"}, {"reason", "it did not work"}});
  if (told == "works") channel.send(to_json(made_result()));
  while (true) poll(nullptr, 0, -1);
}

RunOutcome run_with(
    const std::string& told, const std::function<bool()>& stop = [] { return false; },
    int patience_ms = 20'000) {
  const auto worker = WorkerProcess::start({{"NOTIFIER_TEST_BEHAVIOUR", told}});
  EXPECT_TRUE(worker->device()) << worker->no_device_reason();
  CaseRequest request;
  request.wanted.perturbation = "fork_exit";
  request.wanted.size_bytes = 4096;
  request.patience = std::chrono::milliseconds(patience_ms);
  return worker->run(request, stop);
}

TEST(WorkerProcess, DeliversResultAndSamples) {
  const RunOutcome outcome = run_with("works");
  EXPECT_TRUE(outcome.result);
  EXPECT_EQ(outcome.samples.size(), 1u);
  EXPECT_EQ(outcome.failure, "");
  EXPECT_FALSE(outcome.worker_lost);
}

TEST(WorkerProcess, AKilledWorkerIsAReasonWithSignalPhaseAndEvent) {
  const RunOutcome outcome = run_with("is killed");
  EXPECT_FALSE(outcome.result);
  EXPECT_EQ(outcome.samples.size(), 1u) << "what had arrived is kept";
  EXPECT_NE(outcome.failure.find("signal 9"), std::string::npos) << outcome.failure;
  EXPECT_NE(outcome.failure.find("'fork_exit', event 7"), std::string::npos) << outcome.failure;
  EXPECT_TRUE(outcome.worker_lost);
}

TEST(WorkerProcess, DeathHasATimeAndAPhase) {
  const RunOutcome outcome = run_with("is killed");
  EXPECT_EQ(outcome.phase, "fork_exit");
  EXPECT_TRUE(outcome.death_ns);
  EXPECT_FALSE(run_with("works").death_ns);
}

TEST(WorkerProcess, EachRecoveryHasItsOwn) {
  Case wanted;
  const auto preempt = WorkerProcess::environment_for(wanted);
  wanted.recovery = Recovery::kNone;
  EXPECT_EQ(WorkerProcess::environment_for(wanted), preempt);
  wanted.recovery = Recovery::kRetryFault;
  EXPECT_NE(WorkerProcess::environment_for(wanted), preempt);
  const auto retry_fault = WorkerProcess::environment_for(wanted);
  wanted.recovery = Recovery::kWaitForJobs;
  EXPECT_NE(WorkerProcess::environment_for(wanted), preempt);
  EXPECT_NE(WorkerProcess::environment_for(wanted), retry_fault);
  wanted.memory = Memory::kPlain;
  EXPECT_NE(WorkerProcess::environment_for(wanted), preempt);
}

TEST(WorkerProcess, NothingInTheEnvironmentMakesTheRuntimeWaitForAKernelThatDoesNotEnd) {
  for (const Recovery recovery : {Recovery::kPreempt, Recovery::kRetryFault}) {
    Case wanted;
    wanted.recovery = recovery;
    const auto environment = WorkerProcess::environment_for(wanted);
    for (const char* name : {"HIP_LAUNCH_BLOCKING", "AMD_SERIALIZE_KERNEL", "AMD_SERIALIZE_COPY"}) {
      EXPECT_EQ(environment.at(name), "0") << name;
    }
    EXPECT_EQ(environment.at("GPU_MAX_HW_QUEUES"), "4");
  }
}

TEST(WorkerProcess, AnExitIsAReasonWithItsCode) {
  const RunOutcome outcome = run_with("exits");
  EXPECT_NE(outcome.failure.find("exit code 5"), std::string::npos) << outcome.failure;
}

TEST(WorkerProcess, NonsenseIsShown) {
  const RunOutcome outcome = run_with("talks nonsense");
  EXPECT_NE(outcome.failure.find("nonsense"), std::string::npos) << outcome.failure;
}

TEST(WorkerProcess, AFailureCarriesItsReasonAndCostsTheWorker) {
  const RunOutcome outcome = run_with("fails");
  EXPECT_NE(outcome.failure.find("it did not work"), std::string::npos) << outcome.failure;
  EXPECT_TRUE(outcome.worker_lost);
}

TEST(WorkerProcess, AHangEndsAfterThePatience) {
  // Negative patience cancels the grace that is added to it: silence is a hang at once.
  const RunOutcome outcome = run_with(
      "hangs", [] { return false; }, -15'000);
  EXPECT_NE(outcome.failure.find("hangs"), std::string::npos) << outcome.failure;
  EXPECT_FALSE(outcome.worker_unkillable);
}

TEST(WorkerProcess, StopsWhenAsked) {
  int polls = 0;
  const RunOutcome outcome = run_with("hangs", [&] { return ++polls > 3; });
  EXPECT_TRUE(outcome.interrupted);
  EXPECT_EQ(outcome.samples.size(), 1u);
}

TEST(WorkerProcess, NoDeviceSaysWhy) {
  const auto worker = WorkerProcess::start({{"NOTIFIER_TEST_BEHAVIOUR", "no device"}});
  EXPECT_FALSE(worker->device());
  EXPECT_EQ(worker->no_device_reason(), "nothing there");
}

TEST(WorkerProcess, DeathBeforeTheGreetingSaysSo) {
  const auto worker = WorkerProcess::start({{"NOTIFIER_TEST_BEHAVIOUR", "dies at once"}});
  EXPECT_FALSE(worker->device());
  EXPECT_NE(worker->no_device_reason().find("exit code 3"), std::string::npos)
      << worker->no_device_reason();
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  if (std::getenv(notifier::kWorkerSocketVariable) != nullptr) return notifier::act_as_worker();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
