// SPDX-License-Identifier: MIT
#include "machine_health.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace notifier {
namespace {

class MachineHealthTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "health-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    append("/dev/kmsg", "4,10,1000,-;amdgpu 0000:c3:00.0: amdgpu: GPU reset begin!\n");
    append("/proc/sys/kernel/tainted", "4096\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void append(const std::string& path, const std::string& text) { write(path, text, true); }
  void replace(const std::string& path, const std::string& text) { write(path, text, false); }

  std::filesystem::path root_;

 private:
  void write(const std::string& path, const std::string& text, bool at_end) {
    const std::filesystem::path file = SystemView(root_).locate(path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, at_end ? std::ios::app : std::ios::trunc) << text;
  }
};

TEST_F(MachineHealthTest, OldMessagesAndTaintsAreNotNews) {
  MachineHealth health{SystemView(root_)};
  EXPECT_TRUE(health.blind_spots().empty());
  EXPECT_TRUE(health.check().empty());
}

TEST_F(MachineHealthTest, NewMessagesAreFoundOnce) {
  MachineHealth health{SystemView(root_)};
  append("/dev/kmsg",
         "6,11,2000,-;usb 1-1: new device\n"
         "4,12,3000,c;workqueue: svm_range_restore_work [amdgpu] hogged CPU for >10000us 4 times, "
         "consider switching to WQ_UNBOUND\n"
         " SUBSYSTEM=pci\n"
         "3,13,4000,-;amdgpu: MES failed to respond to msg=REMOVE_QUEUE\n");
  const auto findings = health.check();
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].what, "restore work hogs a CPU");
  EXPECT_TRUE(findings[0].stops_run);
  EXPECT_EQ(findings[1].what, "failed preemption");
  EXPECT_TRUE(health.check().empty());
}

TEST_F(MachineHealthTest, HalfAMessageWaitsForTheRest) {
  MachineHealth health{SystemView(root_)};
  append("/dev/kmsg", "3,11,2000,-;amdgpu: GPU reset");
  EXPECT_TRUE(health.check().empty());
  append("/dev/kmsg", "(1) succeeded!\n");
  ASSERT_EQ(health.check().size(), 1u);
}

TEST_F(MachineHealthTest, NewTaintStopsTheRun) {
  MachineHealth health{SystemView(root_)};
  replace("/proc/sys/kernel/tainted", std::to_string(4096 | 512));
  const auto findings = health.check();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].what, "new kernel taint W");
  EXPECT_TRUE(findings[0].stops_run);
  EXPECT_TRUE(health.check().empty());
}

TEST_F(MachineHealthTest, WhatCannotBeSeenIsNamed) {
  std::filesystem::remove_all(root_ / "dev");
  std::filesystem::remove_all(root_ / "proc");
  MachineHealth health{SystemView(root_)};
  EXPECT_EQ(health.blind_spots().size(), 2u);
  EXPECT_TRUE(health.check().empty());
}

TEST_F(MachineHealthTest, OverwrittenMessagesAreCounted) {
  auto opened = KernelLog::open(SystemView(root_));
  ASSERT_NE(opened.log, nullptr);
  append("/dev/kmsg", "6,11,1,-;a\n6,15,2,-;b\n");
  EXPECT_EQ(opened.log->read_new().size(), 2u);
  EXPECT_EQ(opened.log->overwritten(), 3u);
}

TEST(KernelMessage, DocumentedFormats) {
  const auto message = parse_kernel_message("30,339,5140900,-;NET: Registered protocol family 10");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->level, 6u);  // facility 3, level 6
  EXPECT_EQ(message->sequence, 339u);
  EXPECT_EQ(message->time_us, 5140900);
  EXPECT_EQ(message->text, "NET: Registered protocol family 10");
  EXPECT_EQ(parse_kernel_message("6,340,5690716,-,caller=T1;udevd[80]: a;b")->text,
            "udevd[80]: a;b");
  EXPECT_FALSE(parse_kernel_message("no record").has_value());
  EXPECT_FALSE(parse_kernel_message("x,1,2,-;text").has_value());
  EXPECT_FALSE(parse_kernel_message("6,1;text").has_value());
}

struct Line {
  std::string text;
  HazardKind kind;
};

class RealLines : public testing::TestWithParam<Line> {};

TEST_P(RealLines, AreClassified) {
  const LogSignature* signature = match_signature(GetParam().text);
  ASSERT_NE(signature, nullptr) << GetParam().text;
  EXPECT_EQ(signature->kind, GetParam().kind) << GetParam().text;
}

// As found in public bug reports.
INSTANTIATE_TEST_SUITE_P(
    BugReports, RealLines,
    testing::Values(
        Line{"amdgpu 0000:c5:00.0: amdgpu: GPU reset begin!. Source:  3", HazardKind::kGpuReset},
        Line{"amdgpu 0000:c3:00.0: amdgpu: GPU reset(5) succeeded!", HazardKind::kGpuReset},
        Line{"amdgpu 0000:65:00.0: [drm] device wedged, but recovered through reset",
             HazardKind::kGpuReset},
        Line{"amdgpu: The cp might be in an unrecoverable state due to an unsuccessful queues "
             "preemption",
             HazardKind::kPreemption},
        Line{"[drm:mes_v11_0_submit_pkt_and_poll_completion.constprop.0 [amdgpu]] *ERROR* MES "
             "failed to response msg=3",
             HazardKind::kPreemption},
        Line{"amdgpu 0000:08:00.0: MES(0) failed to respond to msg=SUSPEND",
             HazardKind::kPreemption},
        Line{"amdgpu: Failed to quiesce KFD", HazardKind::kPreemption},
        Line{"amdgpu 0000:03:00.0: [gfxhub0] no-retry page fault (src_id:0 ring:221 vmid:0 "
             "pasid:0, for process  pid 0 thread  pid 0)",
             HazardKind::kMemoryFault},
        Line{"workqueue: amdgpu_amdkfd_restore_userptr_worker [amdgpu] hogged CPU for >10000us 11 "
             "times, consider switching to WQ_UNBOUND",
             HazardKind::kRestoreLoop},
        Line{"amdgpu: Freeing queue vital buffer 0x7fc107400000, queue evicted",
             HazardKind::kVitalBuffer},
        Line{"amdgpu: SVM mapping failed, exceeds resident system memory limit",
             HazardKind::kMemoryLimit},
        Line{"INFO: task kworker/12:0:91 blocked for more than 122 seconds.",
             HazardKind::kKernelDefect},
        Line{"WARNING: CPU: 3 PID: 91 at drivers/gpu/drm/amd/amdkfd/kfd_svm.c:1 f+0x1/0x2 [amdgpu]",
             HazardKind::kKernelDefect}));

TEST(LogSignatures, OrdinaryLinesAreNone) {
  for (const char* text :
       {"usb 1-1: new high-speed USB device", "amdgpu 0000:c5:00.0: amdgpu: MODE2 reset",
        "workqueue: psi_avgs_work hogged CPU for >10000us 4 times", "systemd[1]: reset begin"}) {
    EXPECT_EQ(match_signature(text), nullptr) << text;
  }
}

TEST(TaintLetters, AsTheKernelPrintsThem) {
  EXPECT_EQ(taint_letters(0), "");
  EXPECT_EQ(taint_letters(1), "P");
  EXPECT_EQ(taint_letters(512 | 4096 | 8192), "WOE");
  EXPECT_EQ(taint_letters(1ull << 40), "?");
}

TEST(LiveKernelLog, NewRecordIsRead) {
  auto opened = KernelLog::open(SystemView());
  const FileDescriptor writer(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
  if (!opened.log || !writer.valid()) GTEST_SKIP() << "/dev/kmsg is not ours to read and write";
  opened.log->read_new();
  // Without the newline the kernel would keep the record open for its continuation.
  const std::string text = "<6>notifier_bench test " + std::to_string(::getpid()) + "\n";
  ASSERT_EQ(::write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  bool found = false;
  for (const KernelMessage& message : opened.log->read_new()) {
    found |= "<6>" + message.text + "\n" == text && message.level == 6;
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace notifier
