// SPDX-License-Identifier: MIT
// Each backing as the kernel makes it, and after what takes it apart: on the real kernel.
#include "harness/backing.hpp"

#include <gtest/gtest.h>
#include <linux/kernel-page-flags.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "harness/cannot_perform.hpp"
#include "harness/folios.hpp"
#include "harness/system_settings.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kHead = std::uint64_t{1} << KPF_COMPOUND_HEAD;
constexpr std::uint64_t kTail = std::uint64_t{1} << KPF_COMPOUND_TAIL;
constexpr std::uint64_t kThpFlag = std::uint64_t{1} << KPF_THP;
constexpr std::size_t kSize = 4 << 20;

constexpr Backing kFolioBackings[] = {
    Backing::kMthp16KiB,       Backing::kMthp32KiB,    Backing::kMthp64KiB, Backing::kMthp128KiB,
    Backing::kMthp256KiB,      Backing::kMthp512KiB,   Backing::kMthp1MiB,  Backing::kThpPte,
    Backing::kThpPartUnmapped, Backing::kThpPartShared};

TEST(FolioOf, CountsTheTailsAfterTheHead) {
  // Frames 96 to 103: a page by itself, a folio of four, a folio of two that ends the block, and a
  // tail whose head lies before the block cannot be (folios are aligned).
  const std::vector<std::uint64_t> flags{
      0, kHead | kThpFlag, kTail | kThpFlag, kTail, kTail, kHead | kThpFlag, kTail, 0};
  EXPECT_EQ(folio_of(96, 96, flags).folio_pages, 1u);
  EXPECT_FALSE(folio_of(96, 96, flags).transparent_huge);
  for (const std::uint64_t frame : {97, 98, 99, 100}) {
    EXPECT_EQ(folio_of(frame, 96, flags).folio_frame, 97u);
    EXPECT_EQ(folio_of(frame, 96, flags).folio_pages, 4u);
  }
  EXPECT_TRUE(folio_of(98, 96, flags).transparent_huge);
  EXPECT_EQ(folio_of(102, 96, flags).folio_frame, 101u);
  EXPECT_EQ(folio_of(102, 96, flags).folio_pages, 2u);
  EXPECT_EQ(folio_of(103, 96, flags).folio_pages, 1u);
}

std::vector<FolioPage> folios(std::uint64_t first_frame, std::size_t pages,
                              std::uint64_t folio_pages) {
  std::vector<FolioPage> made;
  for (std::uint64_t page = 0; page < pages; ++page) {
    const std::uint64_t frame = first_frame + page;
    made.push_back({true, frame, frame / folio_pages * folio_pages, folio_pages, true});
  }
  return made;
}

TEST(LayoutMismatch, NamesTheFirstPageThatDoesNotBelong) {
  const FolioLayout wanted{16 << 10};
  std::vector<FolioPage> pages = folios(400, 8, 4);
  EXPECT_EQ(layout_mismatch(wanted, pages), "");
  EXPECT_NE(layout_mismatch({32 << 10}, pages), "");
  pages[5] = {true, 77, 77, 1, false};
  EXPECT_EQ(layout_mismatch(wanted, pages),
            "page 5 is page 0 of a folio of 1 pages, where folios of 4 pages belong");
  pages[5].present = false;
  EXPECT_EQ(layout_mismatch(wanted, pages), "page 5 is not present");
}

TEST(LayoutMismatch, PagesOfAnotherFolioOfTheSameSizeDoNotBelong) {
  std::vector<FolioPage> pages = folios(400, 8, 4);
  pages[2] = {true, 802, 800, 4, true};
  EXPECT_NE(layout_mismatch({16 << 10}, pages), "");
}

TEST(LayoutMismatch, HalfAFolioIsNotAWholeOne) {
  const FolioLayout half{16 << 10, FolioLayout::Mapped::kHalf};
  std::vector<FolioPage> pages = folios(400, 4, 4);
  EXPECT_NE(layout_mismatch(half, pages), "");
  pages[2] = {true, 77, 77, 1, false};
  pages[3] = {true, 79, 79, 1, false};
  EXPECT_EQ(layout_mismatch(half, pages), "");
  EXPECT_NE(layout_mismatch({16 << 10}, pages), "");
}

/// The machine's settings as the backing needs them, and back.
class BackingOnThisKernel : public testing::TestWithParam<Backing> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root sees frame numbers and sets folio sizes";
    const std::string_view setting = folio_setting(GetParam());
    if (setting.empty()) return;
    change_.emplace(SystemView(), folder_ / "settings");
    if (const auto failed = change_->set(setting, "madvise")) GTEST_SKIP() << *failed;
  }
  void TearDown() override {
    change_.reset();
    std::filesystem::remove_all(folder_);
  }
  /// Null: skipped, since the kernel had no such memory left.
  std::unique_ptr<BackingMemory> make() {
    try {
      return std::make_unique<BackingMemory>(GetParam(), kSize);
    } catch (const CannotPerform& obstacle) {
      const std::string reason = obstacle.what();
      return nullptr;
    }
  }

 private:
  static std::filesystem::path make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "backing_test_XXXXXX").string();
    return mkdtemp(name.data());
  }
  std::filesystem::path folder_ = make_folder();
  std::optional<SettingsChange> change_;
};

TEST_P(BackingOnThisKernel, IsWhatItIsCalled) {
  const auto memory = make();
  if (memory == nullptr) GTEST_SKIP() << "the kernel gives no such memory now";
  EXPECT_EQ(memory->mismatch(), "");
}

TEST_P(BackingOnThisKernel, IsNoOther) {
  const auto memory = make();
  if (memory == nullptr) GTEST_SKIP() << "the kernel gives no such memory now";
  const std::vector<FolioPage> pages = FolioReader().read(memory->begin(), kSize);
  const FolioLayout own = *folio_layout(GetParam());
  for (const Backing other : kFolioBackings) {
    const FolioLayout layout = *folio_layout(other);
    const bool same_half = (layout.mapped == FolioLayout::Mapped::kWhole) ==
                           (own.mapped == FolioLayout::Mapped::kWhole);
    const bool same = layout.folio_bytes == own.folio_bytes && same_half;
    EXPECT_EQ(layout_mismatch(layout, pages).empty(), same) << to_string(other);
  }
}

TEST_P(BackingOnThisKernel, ACopyOnWriteIsSeenAndUndone) {
  const auto memory = make();
  if (memory == nullptr) GTEST_SKIP() << "the kernel gives no such memory now";
  const pid_t child = fork();
  if (child == 0) {
    while (true) pause();
  }
  ASSERT_GT(child, 0);
  auto* word = reinterpret_cast<volatile std::uint64_t*>(memory->begin());
  *word = 1;
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_NE(memory->mismatch(), "");
  memory->rebuild();
  EXPECT_EQ(memory->mismatch(), "");
}

TEST_P(BackingOnThisKernel, MemoryThatWasDroppedIsSeen) {
  const auto memory = make();
  if (memory == nullptr) GTEST_SKIP() << "the kernel gives no such memory now";
  ASSERT_EQ(madvise(memory->begin() + (64 << 10), 4096, MADV_DONTNEED), 0);
  EXPECT_NE(memory->mismatch(), "");
}

INSTANTIATE_TEST_SUITE_P(Folios, BackingOnThisKernel, testing::ValuesIn(kFolioBackings),
                         [](const auto& one) { return std::string(to_string(one.param)); });

TEST(BackingMemory, AChildThatIsGoneNoLongerShares) {
  if (geteuid() != 0) GTEST_SKIP() << "only root sees frame numbers";
  std::vector<FolioPage> pages;
  {
    std::optional<BackingMemory> memory;
    try {
      memory.emplace(Backing::kThpPartShared, kSize);
    } catch (const CannotPerform& obstacle) {
      GTEST_SKIP() << obstacle.what();
    }
    pages = FolioReader().read(memory->begin(), kSize);
    EXPECT_GT(FolioReader().mappings_of(pages[0].folio_frame + 256), 0u);
  }
  BackingMemory unmapped(Backing::kThpPartUnmapped, kSize);
  pages = FolioReader().read(unmapped.begin(), kSize);
  EXPECT_EQ(layout_mismatch(*folio_layout(Backing::kThpPartUnmapped), pages), "");
}

}  // namespace
}  // namespace notifier
