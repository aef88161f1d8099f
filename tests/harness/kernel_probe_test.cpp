// SPDX-License-Identifier: MIT
// Lines as a Debian kernel's trace_pipe gave them, and calls put together from them.
#include "kernel_probe.hpp"

#include <gtest/gtest.h>

#include <set>

namespace notifier {
namespace {

TEST(KernelProbeLine, IsReadAsTheKernelPrintsIt) {
  const auto enter = parse_kernel_probe(
      "    kworker/0:1-123     [000] d..1.    41.123456: svm_range_evict_enter: "
      "(svm_range_evict+0x0/0x2a0 [amdgpu])");
  ASSERT_TRUE(enter);
  EXPECT_EQ(enter->function, "svm_range_evict");
  EXPECT_FALSE(enter->leaves);
  EXPECT_EQ(enter->thread, 123);
  EXPECT_EQ(enter->thread_name, "kworker/0:1");
  EXPECT_EQ(enter->boottime_ns, 41'123'456'000);
  const auto leave = parse_kernel_probe(
      " Web Content-4-4194300 [013] ..... 123456.000007: kgd2kfd_quiesce_mm_leave: "
      "(amdgpu_amdkfd_evict_userptr+0x6f/0x110 [amdgpu] <- kgd2kfd_quiesce_mm)");
  ASSERT_TRUE(leave);
  EXPECT_EQ(leave->function, "kgd2kfd_quiesce_mm");
  EXPECT_TRUE(leave->leaves);
  EXPECT_EQ(leave->thread_name, "Web Content-4");
  EXPECT_EQ(leave->boottime_ns, 123'456'000'007'000);
}

TEST(KernelProbeLine, WhatIsNoneIsLeftOut) {
  for (const char* text :
       {"", "# tracer: nop", "CPU:1 [LOST 12 EVENTS]", ": (", "_enter: (",
        "  a-1 [000] ..... 41.123: do_madvise_enter: (do_madvise+0x0/0x2a0)",
        "  a-b [000] ..... 41.123456: do_madvise_enter: (do_madvise+0x0/0x2a0)",
        "  a-1 41.123456: do_madvise_enter: (do_madvise+0x0/0x2a0)",
        "  a-1 [000] ..... 41.123456: do_madvise: (do_madvise+0x0/0x2a0)",
        "  a-1 [000] ..... 99999999999999999999.123456: f_enter: (f+0x0/0x2a0)"}) {
    EXPECT_FALSE(parse_kernel_probe(text)) << text;
  }
}

TEST(KernelProbeLine, DroppedEventsAreCounted) {
  EXPECT_EQ(lost_events("CPU:1 [LOST 12 EVENTS]"), 12u);
  EXPECT_EQ(lost_events("CPU:1 [LOST EVENTS]"), 0u) << "some kernels do not know how many";
  EXPECT_EQ(lost_events("  a-1 [000] ..... 41.123456: x_enter: (y [LOST 3 EVENTS])"), 0u);
}

KernelProbeLine line(const char* function, bool leaves, std::int32_t thread, std::int64_t time_ns) {
  return {function, leaves, thread, "t", time_ns};
}

TEST(KernelSpanPairing, NestsOnAThreadAndKeepsThreadsApart) {
  KernelSpanPairing pairing;
  pairing.add(line("outer", false, 1, 10));
  pairing.add(line("inner", false, 1, 20));
  pairing.add(line("inner", false, 2, 25));
  pairing.add(line("inner", true, 1, 30));
  pairing.add(line("outer", true, 1, 40));
  const std::vector<KernelSpan> spans = pairing.take();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].function, "outer");
  EXPECT_EQ(spans[0].end_boottime_ns, 40);
  EXPECT_EQ(spans[1].function, "inner");
  EXPECT_EQ(spans[1].begin_boottime_ns, 20);
  EXPECT_TRUE(pairing.take().empty());
  pairing.add(line("inner", true, 2, 50));
  const std::vector<KernelSpan> later = pairing.take();
  ASSERT_EQ(later.size(), 1u) << "a call may span two windows";
  EXPECT_EQ(later[0].begin_boottime_ns, 25);
}

TEST(KernelSpanPairing, SurvivesMissedEntriesAndExits) {
  KernelSpanPairing pairing;
  pairing.add(line("f", true, 1, 5));    // entered before the probes were set
  pairing.add(line("f", false, 1, 10));  // its exit was missed
  pairing.add(line("f", false, 1, 20));
  pairing.add(line("f", true, 1, 30));
  const std::vector<KernelSpan> spans = pairing.take();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].begin_boottime_ns, 20);
}

TEST(KernelFunctions, EachPlatformHasItsOwn) {
  std::set<std::string_view> platforms;
  for (const KernelFunction& function : kernel_functions()) {
    platforms.insert(function.platform);
    EXPECT_EQ(find_kernel_function(function.name), &function);
    EXPECT_FALSE(function.meaning.empty());
  }
  EXPECT_EQ(platforms, (std::set<std::string_view>{"kvm", "rocm", "software"}));
  EXPECT_EQ(find_kernel_function("printk"), nullptr);
}

}  // namespace
}  // namespace notifier
