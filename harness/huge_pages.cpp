// SPDX-License-Identifier: MIT
#include "harness/huge_pages.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "harness/system_view.hpp"

namespace notifier {
namespace {

bool made_without_request() {
  static const bool always = [] {
    const auto setting = SystemView().read("/sys/kernel/mm/transparent_hugepage/enabled");
    return setting.text && setting.text->find("[always]") != std::string::npos;
  }();
  return always;
}

void advise(void* begin, std::size_t size_bytes, int advice, const char* what) {
  if (made_without_request() && madvise(begin, size_bytes, advice) != 0) {
    throw std::system_error(errno, std::generic_category(), what);
  }
}

}  // namespace

void keep_base_pages(void* begin, std::size_t size_bytes) {
  advise(begin, size_bytes, MADV_NOHUGEPAGE, "madvise(MADV_NOHUGEPAGE)");
}

void ask_for_huge_pages(void* begin, std::size_t size_bytes) {
  if (madvise(begin, size_bytes, MADV_HUGEPAGE) != 0) {
    throw std::system_error(errno, std::generic_category(), "madvise(MADV_HUGEPAGE)");
  }
}

bool kernel_can_collapse() {
  // EINVAL for advice that the kernel does not know; of no memory nothing is collapsed.
  return madvise(nullptr, 0, kCollapseAdvice) == 0;
}

void permit_collapse(void* begin, std::size_t size_bytes) {
  // Nothing else clears MADV_NOHUGEPAGE (mm/khugepaged.c hugepage_madvise).
  advise(begin, size_bytes, MADV_HUGEPAGE, "madvise(MADV_HUGEPAGE)");
}

}  // namespace notifier
