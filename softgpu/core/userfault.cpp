// SPDX-License-Identifier: MIT
#include "softgpu/core/userfault.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "softgpu/core/range.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {
namespace {

constexpr int kUserModeOnly = 1;  // UFFD_USER_MODE_ONLY, Linux 5.11

uffdio_range range_at(std::uintptr_t begin, std::size_t size_bytes) {
  return {.start = begin, .len = size_bytes};
}

}  // namespace

Userfault::Userfault()
    : descriptor_(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | kUserModeOnly))) {
  if (descriptor_ < 0) {
    why_not_ = std::string("no userfaultfd: ") + std::strerror(errno);
    return;
  }
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
  if (ioctl(descriptor_, UFFDIO_API, &api) != 0) {
    why_not_ = "the kernel's userfaultfd cannot hold writes (CONFIG_PTE_MARKER_UFFD_WP)";
  }
}

bool Userfault::guard(std::uintptr_t begin, std::size_t size_bytes) {
  uffdio_register registration{};
  registration.range = range_at(begin, size_bytes);
  registration.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
  if (ioctl(descriptor_, UFFDIO_REGISTER, &registration) != 0) {
    return false;
  }
  uffdio_writeprotect protection{};
  protection.range = range_at(begin, size_bytes);
  protection.mode = UFFDIO_WRITEPROTECT_MODE_WP;
  if (ioctl(descriptor_, UFFDIO_WRITEPROTECT, &protection) != 0) {
    release(begin, size_bytes);
    return false;
  }
  return true;
}

void Userfault::release(std::uintptr_t begin, std::size_t size_bytes) {
  uffdio_range range = range_at(begin, size_bytes);
  ioctl(descriptor_, UFFDIO_UNREGISTER, &range);  // wakes all who wait there
}

bool Userfault::put(std::uintptr_t begin, std::uintptr_t source, std::size_t size_bytes) {
  for (std::size_t done = 0; done < size_bytes;) {
    uffdio_copy copy{};
    copy.dst = begin + done;
    copy.src = source + done;
    copy.len = size_bytes - done;
    copy.mode = UFFDIO_COPY_MODE_DONTWAKE;
    if (ioctl(descriptor_, UFFDIO_COPY, &copy) == 0) {
      return true;
    }
    const int error = errno;
    if (error == ESRCH) {
      return false;
    }
    if (error != EAGAIN) {
      fail("pages of device memory cannot be brought back to 0x%lx: %s",
           static_cast<unsigned long>(begin + done), std::strerror(error));
    }
    done += copy.copy > 0 ? static_cast<std::size_t>(copy.copy) : 0;
  }
  return true;
}

std::uintptr_t Userfault::next_fault() {
  uffd_msg message{};
  if (read(descriptor_, &message, sizeof(message)) != static_cast<ssize_t>(sizeof(message)) ||
      message.event != UFFD_EVENT_PAGEFAULT) {
    return 0;
  }
  return page_floor(message.arg.pagefault.address);
}

void Userfault::retry(std::uintptr_t page) {
  uffdio_range range = range_at(page, kPageSize);
  ioctl(descriptor_, UFFDIO_WAKE, &range);
}

}  // namespace softgpu
