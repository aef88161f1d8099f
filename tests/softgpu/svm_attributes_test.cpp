// SPDX-License-Identifier: MIT
// SVM ranges by hsaKmtSVMSetAttr: where pages go, how many at a time, and which invalidations stop
// queues (kfd_facts §2).
#include <hsakmt.h>
#include <sys/mman.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "migration_fixture.hpp"

namespace softgpu_test {
namespace {

constexpr HSAuint32 kCpuNode = 0;
constexpr HSAuint32 kGpuNode = 1;
constexpr HSAuint32 kAlwaysMapped = 0x40;  // KFD_IOCTL_SVM_FLAG_GPU_ALWAYS_MAPPED
const std::string kUnmap = "b";
const std::string kFaultStart = "7";

HSAKMT_STATUS set(void* memory, std::initializer_list<HSA_SVM_ATTRIBUTE> attributes,
                  std::size_t bytes = kSize) {
  std::vector<HSA_SVM_ATTRIBUTE> copy(attributes);
  return hsaKmtSVMSetAttr(memory, bytes, static_cast<unsigned>(copy.size()), copy.data());
}

#define REQUIRE_SET(...) REQUIRE(set(__VA_ARGS__) == HSAKMT_STATUS_SUCCESS)

HSA_SVM_ATTRIBUTE get(void* memory, HSAuint32 type, HSAuint32 value = 0,
                      std::size_t bytes = kSize) {
  HSA_SVM_ATTRIBUTE attribute{type, value};
  REQUIRE(hsaKmtSVMGetAttr(memory, bytes, 1, &attribute) == HSAKMT_STATUS_SUCCESS);
  return attribute;
}

/// At the begin of a block of 2 MiB, so that granularity can be counted in faults.
char* aligned_memory(std::size_t bytes) {
  char* memory = map_memory(bytes + kBlock);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  return reinterpret_cast<char*>((begin + kBlock - 1) / kBlock * kBlock);
}

std::uint64_t* words_of(char* memory) { return reinterpret_cast<std::uint64_t*>(memory); }

const std::vector<Environment>& recoveries() {
  static const std::vector<Environment> all = {
      {{"HSA_XNACK", "0"}}, {{"HSA_XNACK", "1"}}, {{"SOFTGPU_CWSR", "0"}}};
  return all;
}

void run_in_each_recovery(const char* body) {
  for (const Environment& recovery : recoveries()) {
    SCOPED_TRACE(recovery.begin()->first + "=" + recovery.begin()->second);
    expect_passed(run_process(body, recovery));
  }
}

PROCESS_BODY(attributes_are_kept) {
  char* memory = aligned_memory(kSize);
  // KFD's defaults (svm_range_set_default_attributes), before there is a range.
  REQUIRE(get(memory, HSA_SVM_ATTR_PREFERRED_LOC).value == INVALID_NODEID);
  REQUIRE(get(memory, HSA_SVM_ATTR_PREFETCH_LOC).value == INVALID_NODEID);
  REQUIRE(get(memory, HSA_SVM_ATTR_GRANULARITY).value == 9);
  REQUIRE(get(memory, HSA_SVM_ATTR_SET_FLAGS).value == 3);
  REQUIRE(get(memory, HSA_SVM_ATTR_CLR_FLAGS).value == ~3u);
  HSAint32 retries = 0;
  REQUIRE(hsaKmtGetXNACKMode(&retries) == HSAKMT_STATUS_SUCCESS);
  const HSAuint32 unregistered = retries != 0 ? HSA_SVM_ATTR_ACCESS : HSA_SVM_ATTR_NO_ACCESS;
  REQUIRE(get(memory, HSA_SVM_ATTR_ACCESS, kGpuNode).type == unregistered);

  REQUIRE_SET(memory, {{HSA_SVM_ATTR_PREFERRED_LOC, kGpuNode},
                       {HSA_SVM_ATTR_GRANULARITY, 4},
                       {HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode},
                       {HSA_SVM_ATTR_SET_FLAGS, kAlwaysMapped}});
  REQUIRE(get(memory, HSA_SVM_ATTR_PREFERRED_LOC).value == kGpuNode);
  REQUIRE(get(memory, HSA_SVM_ATTR_GRANULARITY).value == 4);
  REQUIRE(get(memory, HSA_SVM_ATTR_NO_ACCESS, kGpuNode).type == HSA_SVM_ATTR_ACCESS_IN_PLACE);
  REQUIRE(get(memory, HSA_SVM_ATTR_SET_FLAGS).value == 0x43);

  // Pages that differ have no common location, and the least granularity.
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_PREFERRED_LOC, kCpuNode}, {HSA_SVM_ATTR_GRANULARITY, 2}},
              kPage);
  REQUIRE(get(memory, HSA_SVM_ATTR_PREFERRED_LOC, 0, kPage).value == kCpuNode);
  REQUIRE(get(memory, HSA_SVM_ATTR_PREFERRED_LOC).value == INVALID_NODEID);
  REQUIRE(get(memory, HSA_SVM_ATTR_GRANULARITY).value == 2);
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_CLR_FLAGS, kAlwaysMapped}});
  REQUIRE(get(memory, HSA_SVM_ATTR_SET_FLAGS).value == 3);
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_NO_ACCESS, kGpuNode}});
  REQUIRE(get(memory, HSA_SVM_ATTR_ACCESS, kGpuNode).type == HSA_SVM_ATTR_NO_ACCESS);
}
TEST(SvmAttributes, AreKeptInEachRecovery) { run_in_each_recovery("attributes_are_kept"); }

PROCESS_BODY(refused_attributes) {
  char* memory = aligned_memory(kSize);
  REQUIRE(set(memory, {{HSA_SVM_ATTR_ACCESS, 77}}) == HSAKMT_STATUS_INVALID_NODE_UNIT);
  REQUIRE(set(memory, {{HSA_SVM_ATTR_ACCESS, kCpuNode}}) == HSAKMT_STATUS_INVALID_NODE_UNIT);
  REQUIRE(set(memory, {{HSA_SVM_ATTR_PREFERRED_LOC, 77}}) == HSAKMT_STATUS_INVALID_NODE_UNIT);
  REQUIRE(set(memory, {{99, 0}}) == HSAKMT_STATUS_INVALID_PARAMETER);
  REQUIRE(set(memory, {{HSA_SVM_ATTR_ACCESS, kGpuNode}, {HSA_SVM_ATTR_NO_ACCESS, kGpuNode}}) ==
          HSAKMT_STATUS_INVALID_PARAMETER);
  REQUIRE(set(memory, {{HSA_SVM_ATTR_ACCESS, kGpuNode}}, ~std::size_t{0} - kPage + 1) ==
          HSAKMT_STATUS_INVALID_PARAMETER);  // the end wraps around
  REQUIRE(set(memory, {{HSA_SVM_ATTR_ACCESS, kGpuNode}}, 0) == HSAKMT_STATUS_INVALID_PARAMETER);
  REQUIRE(munmap(memory, kSize) == 0);
  REQUIRE(set(memory, {{HSA_SVM_ATTR_ACCESS, kGpuNode}}) == HSAKMT_STATUS_ERROR);  // EFAULT
}
TEST(SvmAttributes, BadOnesAreErrorsInEachRecovery) { run_in_each_recovery("refused_attributes"); }

PROCESS_BODY(attribute_prefetch) {
  DriverLog log;
  char* memory = aligned_memory(kSize);
  for (std::size_t word = 0; word < kWords; ++word) {
    words_of(memory)[word] = word + 1;
  }
  const std::size_t free_before = free_vram();
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_ACCESS, kGpuNode}, {HSA_SVM_ATTR_PREFETCH_LOC, kGpuNode}});
  REQUIRE(free_vram() == free_before - kSize);  // it is there when the call returns
  REQUIRE(get(memory, HSA_SVM_ATTR_PREFETCH_LOC).value == kGpuNode);
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_PREFETCH_LOC, kCpuNode}});
  REQUIRE(free_vram() == free_before);
  REQUIRE(log.count(kMigrateEnd, kPrefetched) == 2);
  for (std::size_t word = 0; word < kWords; ++word) {
    REQUIRE(words_of(memory)[word] == word + 1);
  }
  REQUIRE(log.count(kMigrateEnd, kByCpu) == 0);
  // The mapping ends while the pages are on the device: its memory is free again.
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_PREFETCH_LOC, kGpuNode}});
  REQUIRE(munmap(memory, kSize) == 0);
  REQUIRE(free_vram() == free_before);
  REQUIRE(log.accusations() == 0);
}
TEST(SvmAttributes, PrefetchMovesInEachRecovery) { run_in_each_recovery("attribute_prefetch"); }

/// What one pass of a kernel over the memory makes of an attribute, with retry faults.
void count_migrations(HSAuint32 access, HSAuint32 preferred, std::size_t expected) {
  ask_for_retry_faults();
  DriverLog log;
  char* memory = aligned_memory(kSize);
  REQUIRE_SET(memory, {{access, kGpuNode}, {HSA_SVM_ATTR_PREFERRED_LOC, preferred}});
  RunningKernel kernel(words_of(memory), kWords);
  kernel.wait_for_passes(2);
  kernel.stop();
  REQUIRE(log.count(kMigrateEnd, kByGpu) == expected);
  REQUIRE(kernel.mismatches() == 0 && log.accusations() == 0);
}

PROCESS_TEST(SvmAttributes, AccessFollowsTheFaultingDevice) {
  count_migrations(HSA_SVM_ATTR_ACCESS, INVALID_NODEID, 1);
}
PROCESS_TEST(SvmAttributes, AccessInPlaceStays) {
  count_migrations(HSA_SVM_ATTR_ACCESS_IN_PLACE, INVALID_NODEID, 0);
}
PROCESS_TEST(SvmAttributes, ThePreferredLocationWinsOverAccess) {
  count_migrations(HSA_SVM_ATTR_ACCESS, kCpuNode, 0);
}
PROCESS_TEST(SvmAttributes, ThePreferredLocationWinsOverAccessInPlace) {
  count_migrations(HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode, 1);
}

/// A kernel that passes over memory of several grains faults once for each. Not more memory: the
/// lines have to fit the driver's queue.
void count_grains(HSAuint32 granularity, std::size_t grains) {
  ask_for_retry_faults();
  DriverLog log;
  const std::size_t bytes = grains * (kPage << granularity);
  char* memory = aligned_memory(bytes);
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_ACCESS, kGpuNode}, {HSA_SVM_ATTR_GRANULARITY, granularity}},
              bytes);
  RunningKernel kernel(words_of(memory), bytes / 8);
  kernel.wait_for_passes(2);
  REQUIRE(log.count(kFaultStart) == grains);
  REQUIRE(log.count(kMigrateEnd, kByGpu) == grains);
  kernel.stop();
  // The CPU's touch brings as much home, no more.
  const std::size_t free_before = free_vram();
  REQUIRE(load_word(words_of(memory)) != 0);
  REQUIRE(log.count(kMigrateEnd, kByCpu) == 1);
  REQUIRE(free_vram() == free_before + (kPage << granularity));
  REQUIRE(kernel.mismatches() == 0 && log.accusations() == 0);
}
PROCESS_TEST(SvmAttributes, GranularityOfOnePage) { count_grains(0, 12); }
PROCESS_TEST(SvmAttributes, GranularityOf64KiB) { count_grains(4, 4); }
PROCESS_TEST(SvmAttributes, GranularityOf2MiB) { count_grains(9, 2); }

PROCESS_BODY(always_mapped_evicts) {
  DriverLog log;
  char* always = aligned_memory(kSize);
  REQUIRE_SET(always, {{HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode},
                       {HSA_SVM_ATTR_PREFERRED_LOC, kCpuNode},
                       {HSA_SVM_ATTR_SET_FLAGS, kAlwaysMapped}});
  {
    RunningKernel kernel(words_of(always), kWords);
    kernel.wait_for_passes(1);
    REQUIRE(log.count(kFaultStart) == 0);  // it was mapped by the call
    for (std::size_t round = 1; round <= 5; ++round) {
      REQUIRE(madvise(always, kPage, MADV_DONTNEED) == 0);
      REQUIRE(log.count(kEviction, " 0") == round);
      log.wait_for("a", round);
      kernel.wait_for_passes(1);
    }
    REQUIRE(log.count(kFaultStart) == 0 && log.count(kUnmap) == 0);
    REQUIRE(kernel.mismatches() == kernel.zeros());
  }
  const std::size_t before = log.count(kEviction);
  {
    HeldChild child(HeldChild::Made::kByLibc);
    REQUIRE(log.count(kEviction) == before + 1);
  }
  log.wait_for("a", before + 1);
  REQUIRE(munmap(always, kSize) == 0);  // frees pages without stopping queues
  softgpu_audit_now();
  REQUIRE(log.count(kEviction) == before + 1 && log.accusations() == 0);
}
TEST(SvmAttributes, AlwaysMappedEvictsEvenUnderRetryFaults) {
  for (const char* xnack : {"0", "1"}) {
    expect_passed(run_process("always_mapped_evicts", {{"HSA_XNACK", xnack}}));
  }
}

PROCESS_BODY(always_mapped_waits_for_jobs) {
  DriverLog log;
  char* memory = aligned_memory(kSize);
  REQUIRE_SET(memory,
              {{HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode}, {HSA_SVM_ATTR_SET_FLAGS, kAlwaysMapped}});
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  REQUIRE(log.count(kEviction, " 0") == 1);
  log.wait_for("a", 1);
  REQUIRE(log.accusations() == 0);
}
TEST(SvmAttributes, AlwaysMappedEvictsWhereJobsAreWaitedFor) {
  expect_passed(run_process("always_mapped_waits_for_jobs", {{"SOFTGPU_CWSR", "0"}}));
}

PROCESS_TEST(SvmAttributes, AlwaysMappedCanBeSetAndTakenUnderAKernel) {
  ask_for_retry_faults();
  DriverLog log;
  char* memory = aligned_memory(kSize);
  REQUIRE_SET(memory,
              {{HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode}, {HSA_SVM_ATTR_PREFERRED_LOC, kCpuNode}});
  RunningKernel kernel(words_of(memory), kWords);
  kernel.wait_for_passes(1);
  for (std::size_t round = 1; round <= 10; ++round) {
    REQUIRE_SET(memory, {{HSA_SVM_ATTR_SET_FLAGS, kAlwaysMapped}});
    REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
    REQUIRE(log.count(kEviction) == round);
    log.wait_for("a", round);  // the restore maps all, whatever the flag is then
    REQUIRE_SET(memory, {{HSA_SVM_ATTR_CLR_FLAGS, kAlwaysMapped}});
    const std::size_t faults = log.count(kFaultEnd);
    REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
    log.wait_for(kFaultEnd, faults + 1);
    REQUIRE(log.count(kEviction) == round);
    kernel.wait_for_passes(1);
  }
  kernel.stop();
  softgpu_audit_now();
  REQUIRE(kernel.mismatches() == kernel.zeros() && log.accusations() == 0);
}

PROCESS_TEST(SvmAttributes, MigrationOfAlwaysMappedMemoryEvicts) {
  ask_for_retry_faults();
  DriverLog log;
  char* memory = aligned_memory(kSize);
  REQUIRE_SET(memory,
              {{HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode}, {HSA_SVM_ATTR_SET_FLAGS, kAlwaysMapped}});
  RunningKernel kernel(words_of(memory), kWords);
  kernel.wait_for_passes(1);
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_PREFETCH_LOC, kGpuNode}});
  REQUIRE(log.count(kEviction, " 0") == 1);
  kernel.wait_for_passes(1);
  REQUIRE(load_word(words_of(memory)) != 0);  // and home again
  REQUIRE(log.count(kEviction, " 0") == 2);
  kernel.wait_for_passes(1);
  kernel.stop();
  softgpu_audit_now();
  REQUIRE(kernel.mismatches() == 0 && log.accusations() == 0);
}

PROCESS_BODY(no_access) {
  char* memory = aligned_memory(kSize);
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode}});
  RunningKernel(words_of(memory), kWords).wait_for_passes(1);
  REQUIRE_SET(memory, {{HSA_SVM_ATTR_NO_ACCESS, kGpuNode}});
  RunningKernel(words_of(memory), kWords).wait_for_passes(1);
}
TEST(SvmAttributes, NoAccessIsAFatalFault) {
  for (const char* xnack : {"0", "1"}) {
    const ProcessResult result = run_process("no_access", {{"HSA_XNACK", xnack}});
    EXPECT_NE(result.signal, 0) << result.output;
    EXPECT_NE(result.output.find("fault"), std::string::npos) << result.output;
  }
}

}  // namespace
}  // namespace softgpu_test
