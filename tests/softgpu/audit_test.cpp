// SPDX-License-Identifier: MIT
#include "softgpu/core/audit.hpp"

#include <gtest/gtest.h>

namespace softgpu {
namespace {

constexpr std::uint64_t kPages = 4;

/// A range that a restore pass has looked up again: two pages as before, one that has moved, and
/// one that was not to be had.
class AuditStaged : public testing::Test {
 protected:
  AuditStaged() {
    range_.host_begin = 0x100000;
    range_.page_count = kPages;
    range_.entries.reset(new std::uint64_t[kPages]);
    range_.staged.reset(new std::uint64_t[kPages]);
    for (std::uint64_t page = 0; page < kPages; ++page) {
      range_.entries[page] = range_.staged[page] = Pte::make(1000 + page, true);
    }
    range_.staged[1] = Pte::make(2000, true);
    range_.staged[2] = 0;
    range_.invalidations = range_.pass_invalidations = 7;
  }

  void SetUp() override {
    if (auditor_.why_off() != nullptr) GTEST_SKIP() << auditor_.why_off();
  }

  std::uint64_t missed() {
    auditor_.audit_staged(range_);
    return auditor_.missed_pages();
  }

  Registry registry_;
  DriverEvents events_{1};
  Pagemap pagemap_;
  Auditor auditor_{registry_, events_, pagemap_, AuditLevel::kRestore};
  Range range_;
};

TEST_F(AuditStaged, ReportsWhatChangedWithoutAWord) { EXPECT_EQ(missed(), 2u); }

TEST_F(AuditStaged, ReportsNothingOfPagesThatInvalidationsNamed) {
  range_.changed_begin_page = 1;
  range_.changed_end_page = 2;
  EXPECT_EQ(missed(), 1u);
}

/// Without rights for a moment, pages cannot be looked up, also beside those that the call names.
TEST_F(AuditStaged, ReportsNothingOfAPassThatACallHasOvertaken) {
  range_.changed_begin_page = 3;
  range_.changed_end_page = 4;
  ++range_.invalidations;
  EXPECT_EQ(missed(), 0u);
}

}  // namespace
}  // namespace softgpu
