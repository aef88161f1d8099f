// SPDX-License-Identifier: MIT
// What the kernel says of the GPU while a case runs ends the run after it: nothing that was
// measured is lost, and each case that did not run says why.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

namespace fs = std::filesystem;

struct Complaint {
  const char* name;
  const char* file;  // below the root that is watched
  const char* text;  // a record of /dev/kmsg, or a taint
  const char* what;  // in the rows
};

constexpr Complaint kComplaints[] = {
    {"reset", "dev/kmsg", "3,77,1000000,-;amdgpu 0000:03:00.0: amdgpu: GPU reset begin!\n",
     "GPU reset: amdgpu 0000:03:00.0: amdgpu: GPU reset begin!"},
    {"preemption", "dev/kmsg", "3,77,1000000,-;amdgpu: unsuccessful queues preemption\n",
     "failed preemption: amdgpu: unsuccessful queues preemption"},
    {"hogged_cpu", "dev/kmsg",
     "4,77,1000000,-;workqueue: svm_range_restore_work [amdgpu] hogged CPU for >10000us 4 times\n",
     "restore work hogs a CPU: workqueue: svm_range_restore_work"},
    {"memory_fault", "dev/kmsg",
     "3,77,1000000,-;amdgpu 0000:03:00.0: amdgpu: [gfxhub0] no-retry page fault (src_id:0)\n",
     "GPU memory fault: amdgpu 0000:03:00.0"},
    {"taint", "proc/sys/kernel/tainted", "512\n", "new kernel taint W: /proc/sys/kernel/tainted"}};

class SafetyStop : public ::testing::TestWithParam<Complaint> {
 protected:
  SafetyStop() {
    fs::create_directories(root_.path() / "dev");
    fs::create_directories(root_.path() / "proc/sys/kernel");
    std::ofstream(root_.path() / "dev/kmsg") << "6,1,1,-;GPU reset begin, long ago\n";
    std::ofstream(root_.path() / "proc/sys/kernel/tainted") << "0\n";
  }

  void complain(const Complaint& complaint) const {
    const bool log = std::string(complaint.file) == "dev/kmsg";
    std::ofstream(root_.path() / complaint.file, log ? std::ios::app : std::ios::trunc)
        << complaint.text;
  }

  TemporaryFolder root_;
  TemporaryFolder results_;
};

nlohmann::json manifest_of(const fs::path& recording) {
  std::ifstream in(recording / "manifest.json");
  return nlohmann::json::parse(in);
}

TEST_P(SafetyStop, EndsTheRunAfterTheCaseAndKeepsWhatWasMeasured) {
  // A million events take longer than the limit, however fast the machine is.
  const Finished finished =
      bench({"--filter", "userptr/anon/(sham|dontneed|fork_exit)/default/preempt/small/64KiB",
             "--events", "1000000", "--case-time-limit", "3", "--no-self-test", "--seed", "1",
             "--health-root", root_.text(), "--results", results_.text()})
          .run_and_act("[1/3", [&](pid_t) { complain(GetParam()); });
  EXPECT_EQ(finished.exit_code, 1) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("stopped for safety: " + std::string(GetParam().what)),
            std::string::npos)
      << finished.out;

  const fs::path recording = only_recording(results_.path());
  const Finished validated = Command({NOTIFIER_VALIDATE_PROGRAM, recording.string()}).run();
  EXPECT_EQ(validated.exit_code, 0) << validated.out << validated.err;
  std::ifstream in(recording / "summary.csv");
  int failed = 0;
  int not_run = 0;
  for (const analysis::SummaryRow& row : analysis::read_summary(in, "summary.csv")) {
    if (row.status == analysis::Status::kSkipped) {
      ++not_run;
      EXPECT_EQ(row.reason.find("not run, for the run was stopped before: "), 0u) << row.reason;
      EXPECT_NE(row.reason.find(GetParam().what), std::string::npos) << row.reason;
    } else if (row.metric == "syscall_ns" && row.events == analysis::EventSet::kAll) {
      ++failed;
      EXPECT_EQ(row.status, analysis::Status::kFailed);
      EXPECT_EQ(row.reason.find(GetParam().what), 0u) << row.reason;
      EXPECT_GT(row.n, 0);
    }
  }
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(not_run, 2);
  const nlohmann::json manifest = manifest_of(recording);
  EXPECT_TRUE(manifest.at("interrupted").get<bool>());
  EXPECT_EQ(manifest.at("safety").at("findings").size(), 1u) << manifest.at("safety");
}

INSTANTIATE_TEST_SUITE_P(Complaints, SafetyStop, ::testing::ValuesIn(kComplaints),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace notifier::testing
