// SPDX-License-Identifier: MIT
#include "bench/thunk_cases.hpp"

#include <gmock/gmock.h>
#include <sys/mman.h>

#include <set>

namespace notifier {
namespace {

using testing::Each;
using testing::ElementsAre;

/// Notes the calls; refuses the one with the given number.
class NotedKind final : public ThunkRangeKind {
 public:
  void register_memory(std::byte* begin, std::size_t) const override { note('r', begin); }
  std::uint64_t map(std::byte* begin, std::size_t) const override {
    note('m', begin);
    return reinterpret_cast<std::uint64_t>(begin) + (moves ? 4096 : 0);
  }
  void unmap(std::byte* begin, std::size_t) const override { note('u', begin); }
  void deregister(std::byte* begin, std::size_t size_bytes) const override {
    note('d', begin);
    if (ends) munmap(begin, size_bytes);
  }
  bool ends_with_mapping() const override { return ends; }

  bool moves = false;
  bool ends = false;
  std::size_t refused = ~std::size_t{0};
  mutable std::string calls;
  mutable std::set<std::byte*> known;

 private:
  void note(char call, std::byte* begin) const {
    if (calls.size() == refused) throw ThunkError("refused for the test");
    calls += call;
    if (call == 'r') known.insert(begin);
    if (call == 'd') known.erase(begin);
  }
};

ThunkRequest request(std::uint32_t events) {
  return {.point = {"userptr", 64 << 10, 100}, .events = events, .run = 3, .recording_start_ns = 0};
}

TEST(ThunkPoint, NamesAreUniqueAndSayEverything) {
  std::set<std::string> names;
  for (const ThunkPoint& point : all_thunk_points()) {
    for (std::size_t call = 0; call < kThunkCalls; ++call) {
      EXPECT_TRUE(names.insert(point.case_name(static_cast<ThunkCall>(call))).second);
    }
  }
  EXPECT_EQ(names.count("userptr/anon/thunk_map/default/none/ranges_10000/16MiB"), 1u);
  EXPECT_EQ(names.count("managed/anon/thunk_munmap_unknown/default/none/ranges_0/4KiB"), 1u);
}

TEST(ThunkCases, EachEventMakesEachCallOnceAfterAWarmUp) {
  const NotedKind kind;
  const ThunkResult result = run_thunk_point(request(2), kind);
  EXPECT_EQ(kind.calls, "rmudrmudrmud");
  for (std::size_t call = 0; call < kThunkCalls; ++call) {
    const auto& [identity, samples] = result[call];
    ASSERT_EQ(samples.size(), 2u);
    EXPECT_EQ(samples[1].event, 1);
    EXPECT_EQ(samples[1].run, 3);
    EXPECT_EQ(samples[1].case_name, request(2).point.case_name(static_cast<ThunkCall>(call)));
    EXPECT_GE(samples[1][analysis::Metric::kSyscall], 0);
    EXPECT_EQ(identity.status, analysis::Status::kOk);
    EXPECT_EQ(identity.context, "ranges_100");
    EXPECT_EQ(identity.memory_path, "svm_range");  // the addresses are equal
  }
}

TEST(ThunkCases, TheObservedPathIsWhatTheAddressesSay) {
  NotedKind kind;
  kind.moves = true;
  EXPECT_EQ(run_thunk_point(request(1), kind)[0].identity.memory_path, "userptr_bo");
}

TEST(ThunkCases, ARefusalKeepsWhatWasMeasured) {
  NotedKind kind;
  kind.refused = 9;  // the second event's map
  const ThunkResult result = run_thunk_point(request(5), kind);
  for (const ThunkCaseResult& one : result) {
    EXPECT_EQ(one.identity.status, analysis::Status::kFailed);
    EXPECT_EQ(one.identity.reason, "refused for the test");
    EXPECT_EQ(one.samples.size(), 1u);
  }
}

TEST(StandingRanges, AreMappedWhileTheyStandAndEndTogether) {
  NotedKind kind;
  {
    const StandingRanges standing(kind, 3);
    EXPECT_EQ(kind.calls, "rmrmrm");
    EXPECT_EQ(kind.known.size(), 3u);
  }
  EXPECT_EQ(kind.calls, "rmrmrmududud");
  EXPECT_TRUE(kind.known.empty());
}

TEST(StandingRanges, ThoseThatWereMadeEndWhenTheNextIsRefused) {
  NotedKind kind;
  kind.refused = 4;
  EXPECT_THROW(StandingRanges(kind, 3), ThunkError);
  EXPECT_EQ(kind.calls, "rmrm");  // the refusal holds for their end too, and is only told
}

}  // namespace
}  // namespace notifier
