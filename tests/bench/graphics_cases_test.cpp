// SPDX-License-Identifier: MIT
// The graphics path against a device whose jobs are memset: its logic needs no GPU.
#include "bench/graphics_cases.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "analysis/flags.hpp"
#include "harness/graphics/sdma.hpp"

namespace notifier {
namespace {

using testing::ElementsAre;

struct FakeBuffer final : graphics::UserBuffer {
  std::byte* begin = nullptr;
  std::size_t size_bytes = 0;
};

/// A job runs until its fence has been asked for `polls` times without waiting, or waited for.
class FakeDevice final : public graphics::Device {
 public:
  std::string name() const override { return "fake"; }
  std::unique_ptr<graphics::UserBuffer> attach(std::byte* begin, std::size_t size_bytes) override {
    auto made = std::make_unique<FakeBuffer>();
    made->begin = begin;
    made->size_bytes = size_bytes;
    return made;
  }
  std::uint64_t submit(graphics::UserBuffer& buffer, std::uint32_t value,
                       std::uint32_t passes) override {
    if (jobs_ == fails_at) throw graphics::DriverError("amdgpu_cs_submit failed: for the test");
    const auto& user = static_cast<const FakeBuffer&>(buffer);
    auto* words = reinterpret_cast<std::uint32_t*>(user.begin);
    // The last words keep what was there: a device that writes into pages that are no more.
    std::fill_n(words, user.size_bytes / sizeof(std::uint32_t) - stale_words, value);
    most_seen = std::max(most_seen, passes);
    polled_ = 0;
    return ++jobs_;
  }
  std::uint32_t most_passes(std::size_t) const override { return 64; }
  bool wait(std::uint64_t, std::uint64_t timeout_ns) override {
    return timeout_ns > 0 || ++polled_ > polls;
  }

  int polls = 1;
  std::uint64_t stale_words = 0;
  std::uint64_t fails_at = ~std::uint64_t{0};
  std::uint32_t most_seen = 0;

 private:
  std::uint64_t jobs_ = 0;
  int polled_ = 0;
};

GraphicsRequest request(std::string_view perturbation, std::uint32_t events) {
  const auto rows = graphics_perturbations();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const auto& one) { return one.name == perturbation; });
  GraphicsRequest made;
  made.wanted = {&*row, 64 << 10, 1'000'000};
  made.run = {.events = events, .run = 2, .seed = 7};
  return made;
}

TEST(GraphicsCases, NamesAreUniqueAndSayEverything) {
  std::set<std::string> names;
  for (const GraphicsCase& one : all_graphics_cases()) {
    EXPECT_TRUE(names.insert(one.name()).second);
  }
  EXPECT_EQ(names.count("userptr/anon/dontneed/default/wait_for_jobs/job_5ms/4MiB"), 1u);
}

TEST(GraphicsCases, EachPerturbationLeavesTheMemoryToTheNextJob) {
  for (const GraphicsPerturbation& row : graphics_perturbations()) {
    FakeDevice device;
    const FiniteJobResult result = run_graphics_case(request(row.name, 4), device);
    EXPECT_EQ(result.identity.status, analysis::Status::kOk) << result.identity.reason;
    ASSERT_EQ(result.samples.size(), 5u) << row.name;  // one sham among them
    EXPECT_EQ(result.samples[2].kind, analysis::EventKind::kSham);
    EXPECT_EQ(result.identity.violations_lost, 0) << row.name;
    ASSERT_EQ(result.run_values.size(), 1u);
    EXPECT_GT(result.run_values[0].value, 0);
  }
}

TEST(GraphicsCases, AJobIsMadeLongerUntilItIsLongEnoughOrFull) {
  FakeDevice device;
  run_graphics_case(request("dontneed", 1), device);
  EXPECT_GE(device.most_seen, 1u);
  EXPECT_LE(device.most_seen, 64u);
}

TEST(GraphicsCases, AJobThatHadEndedWhenTheCallReturnedWasWaitedFor) {
  FakeDevice device;  // running when asked before the call, ended when asked after it
  const FiniteJobResult result = run_graphics_case(request("dontneed", 4), device);
  EXPECT_EQ(result.identity.recovery_observed, "wait_for_jobs");
  EXPECT_FALSE(analysis::has_flag(result.identity.flags, "recovery_differs"));
}

TEST(GraphicsCases, AJobThatStillRunsIsADifferenceThatIsFlagged) {
  FakeDevice device;
  device.polls = 2;
  const FiniteJobResult result = run_graphics_case(request("dontneed", 4), device);
  EXPECT_EQ(result.identity.recovery_observed, "none");
  EXPECT_TRUE(analysis::has_flag(result.identity.flags, "recovery_differs"));
}

TEST(GraphicsCases, AJobThatHadEndedBeforeTheCallSaysNothing) {
  FakeDevice device;
  device.polls = 0;
  EXPECT_EQ(run_graphics_case(request("dontneed", 4), device).identity.recovery_observed, "");
}

TEST(GraphicsCases, WordsThatALaterJobDoesNotReachAreLost) {
  FakeDevice device;
  device.stale_words = 3;
  const FiniteJobResult result = run_graphics_case(request("map_fixed", 2), device);
  EXPECT_EQ(result.identity.violations_lost, 6);  // of two events
}

TEST(GraphicsCases, ARefusalKeepsWhatWasMeasured) {
  FakeDevice device;
  run_graphics_case(request("dontneed", 3), device);
  FakeDevice refusing;
  refusing.fails_at = 20;  // behind the calibration, in some event
  const FiniteJobResult result = run_graphics_case(request("dontneed", 40), refusing);
  EXPECT_EQ(result.identity.status, analysis::Status::kFailed);
  EXPECT_EQ(result.identity.reason, "amdgpu_cs_submit failed: for the test");
  EXPECT_GT(result.samples.size(), 0u);
}

// Packets by hand from sdma_ring_const_fill: header 11 | 2 << 30, address low, high, value, count.
TEST(Sdma, AFillIsFiveWordsPaddedToEight) {
  EXPECT_THAT(graphics::fill_packets(graphics::kFamilyVega, 0x1'0000'2000, 64, 0xABCD, 1),
              ElementsAre(0x8000000Bu, 0x2000u, 1u, 0xABCDu, 63u, 0u, 0u, 0u));
}

TEST(Sdma, BeforeVegaTheCountIsTheNumberOfBytes) {
  EXPECT_EQ(graphics::fill_packets(135, 0x2000, 64, 0, 1)[4], 64u);
}

TEST(Sdma, LongFillsArePartsOfAMebibyteAndPassesRepeatThem) {
  const auto words = graphics::fill_packets(graphics::kFamilyVega, 0xFFF0'0000, 5 << 19, 9, 2);
  ASSERT_EQ(words.size(), 32u);  // 2 passes of 3 packets of 5 words, and 2 of padding
  EXPECT_EQ(words[4], (1u << 20) - 1);
  EXPECT_EQ(words[6], 0u);  // the second part's address crosses 4 GiB
  EXPECT_EQ(words[7], 1u);
  EXPECT_EQ(words[14], (1u << 19) - 1);
  EXPECT_EQ(words[16], 0xFFF0'0000u);  // the second pass
  EXPECT_EQ(graphics::words_per_pass(5 << 19), 15u);
}

}  // namespace
}  // namespace notifier
