// SPDX-License-Identifier: MIT
// Probes on functions of the running kernel; where it has none, that they are refused with a
// reason. scripts/kprobe_guest runs this on a kernel of a distribution, with KVM.
#include "kernel_trace.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

namespace notifier {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBytes = 1 << 20;

std::int64_t boottime_ns() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class KernelTraceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      tracefs_ = find_tracefs();
    } catch (const std::runtime_error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  static std::vector<KernelSpan> own(const std::vector<KernelSpan>& spans,
                                     std::string_view function) {
    std::vector<KernelSpan> found;
    std::copy_if(spans.begin(), spans.end(), std::back_inserter(found),
                 [&](const KernelSpan& span) {
                   return span.function == function && span.thread == gettid();
                 });
    return found;
  }
  fs::path tracefs_;
};

TEST_F(KernelTraceTest, ACallLiesBetweenTheReadingsOfItsClock) {
  const KernelProbes probes(tracefs_, "software");
  EXPECT_EQ(probes.functions(), (std::vector<std::string>{"kernel_clone", "do_madvise"}));
  KernelTraceReader reader(probes.instance());
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  reader.read();
  const std::int64_t before_ns = boottime_ns();
  ASSERT_EQ(madvise(memory, kBytes, MADV_POPULATE_WRITE), 0);
  const std::int64_t after_ns = boottime_ns();
  const KernelTraceReader::Window window = reader.read();
  munmap(memory, kBytes);
  EXPECT_EQ(window.lost, 0u);
  const std::vector<KernelSpan> calls = own(window.spans, "do_madvise");
  ASSERT_EQ(calls.size(), 1u);
  // The text's µs are cut off.
  EXPECT_GE(calls[0].begin_boottime_ns, before_ns - 1'000);
  EXPECT_LE(calls[0].end_boottime_ns, after_ns);
  EXPECT_GT(calls[0].end_boottime_ns, calls[0].begin_boottime_ns);
  EXPECT_EQ(probes.missed(), 0u);
}

TEST_F(KernelTraceTest, KvmsNotifierIsWatched) {
  const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) GTEST_SKIP() << "no /dev/kvm";
  const int machine = ioctl(kvm, KVM_CREATE_VM, 0);
  ASSERT_GE(machine, 0);
  {
    const KernelProbes probes(tracefs_, "kvm");
    EXPECT_TRUE(probes.absent().empty()) << probes.absent().front();
    KernelTraceReader reader(probes.instance());
    void* const memory =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    *static_cast<volatile char*>(memory) = 1;
    reader.read();
    const std::int64_t before_ns = boottime_ns();
    ASSERT_EQ(munmap(memory, kBytes), 0);
    const std::int64_t after_ns = boottime_ns();
    const KernelTraceReader::Window window = reader.read();
    const auto starts = own(window.spans, "kvm_mmu_notifier_invalidate_range_start");
    const auto ends = own(window.spans, "kvm_mmu_notifier_invalidate_range_end");
    ASSERT_EQ(starts.size(), 1u);
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_GE(starts[0].begin_boottime_ns, before_ns - 1'000);
    EXPECT_LE(starts[0].end_boottime_ns, ends[0].begin_boottime_ns);
    EXPECT_LE(ends[0].end_boottime_ns, after_ns);
    EXPECT_TRUE(find_kernel_function(starts[0].function)->stops_device);
  }
  close(machine);
  close(kvm);
}

TEST_F(KernelTraceTest, NothingIsLeftBehind) {
  fs::path instance;
  {
    const KernelProbes probes(tracefs_, "software");
    instance = probes.instance();
    EXPECT_TRUE(fs::exists(instance));
  }
  EXPECT_FALSE(fs::exists(instance));
  EXPECT_EQ(text_of(tracefs_ / "kprobe_events").find(instance.filename()), std::string::npos);
}

TEST_F(KernelTraceTest, WhatAKilledProcessLeftIsRemovedByTheNext) {
  const pid_t child = fork();
  if (child == 0) {
    const KernelProbes probes(tracefs_, "software");
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const std::string group = "notifier_bench_" + std::to_string(child);
  ASSERT_TRUE(fs::exists(tracefs_ / "instances" / group));
  const KernelProbes probes(tracefs_, "software");
  EXPECT_FALSE(fs::exists(tracefs_ / "instances" / group));
  EXPECT_EQ(text_of(tracefs_ / "kprobe_events").find(group + "/"), std::string::npos);
}

TEST_F(KernelTraceTest, AKernelWithoutTheDriverIsRefusedWithTheReason) {
  if (fs::exists("/sys/module/amdgpu")) GTEST_SKIP() << "this kernel has the driver";
  try {
    const KernelProbes probes(tracefs_, "rocm");
    FAIL() << "not refused";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("kgd2kfd_quiesce_mm"), std::string::npos)
        << error.what();
  }
}

// What the reader makes of text, without any tracefs.
TEST(KernelTraceReader, ReadsLinesInPieces) {
  std::string folder = fs::temp_directory_path() / "kernel_trace_test_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const fs::path pipe = fs::path(folder) / "trace_pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  KernelTraceReader reader(folder);
  std::ofstream writer(pipe);
  writer << "  a-7 [000] ..... 1.000001: do_madvise_enter: (do_madvise+0x0/0x2a0)\n  a-7 [001] "
         << std::flush;
  EXPECT_TRUE(reader.read().spans.empty());
  writer << "..... 1.000005: do_madvise_leave: (x+0x1/0x2 <- do_madvise)\n"
         << "CPU:1 [LOST 3 EVENTS]\n"
         << std::flush;
  const KernelTraceReader::Window window = reader.read();
  ASSERT_EQ(window.spans.size(), 1u);
  EXPECT_EQ(window.spans[0].end_boottime_ns - window.spans[0].begin_boottime_ns, 4'000);
  EXPECT_EQ(window.lost, 3u);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace notifier
