// SPDX-License-Identifier: MIT
#include "harness/userfault_hold.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "harness/clock_reader.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

constexpr double kSpun_ns = 150'000;

[[noreturn]] void refuse(const char* what) {
  throw CannotPerform(fmt::format("{}: {}", what, std::strerror(errno)));
}

uffdio_range range_of(std::byte* page, std::size_t page_bytes) {
  return {reinterpret_cast<std::uintptr_t>(page), page_bytes};
}

/// Faults of user mode alone: that needs no right (userfaultfd(2), UFFD_USER_MODE_ONLY).
FileDescriptor open_userfaultfd() {
  FileDescriptor descriptor(
      static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)));
  if (!descriptor.valid()) refuse("userfaultfd");
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
  if (ioctl(descriptor.get(), UFFDIO_API, &api) != 0) {
    refuse("userfaultfd without write protection (Linux 5.7 on x86-64)");
  }
  return descriptor;
}

}  // namespace

void wait_since(std::int64_t start_ns, double duration_ns) {
  const auto elapsed_ns = [&] { return static_cast<double>(monotonic_raw_ns() - start_ns); };
  const double far_ns = duration_ns - kSpun_ns - elapsed_ns();
  if (far_ns > 0) {
    const auto whole_ns = static_cast<std::int64_t>(far_ns);
    const timespec duration{whole_ns / 1'000'000'000, whole_ns % 1'000'000'000};
    nanosleep(&duration, nullptr);
  }
  while (elapsed_ns() < duration_ns) {
  }
}

UserfaultHold::UserfaultHold(std::byte* page, std::size_t page_bytes)
    : page_(page), page_bytes_(page_bytes), descriptor_(open_userfaultfd()) {
  uffdio_register registration{};
  registration.range = range_of(page, page_bytes);
  registration.mode = UFFDIO_REGISTER_MODE_WP;
  if (ioctl(descriptor_.get(), UFFDIO_REGISTER, &registration) != 0) refuse("UFFDIO_REGISTER");
}

UserfaultHold::~UserfaultHold() {
  uffdio_range range = range_of(page_, page_bytes_);
  ioctl(descriptor_.get(), UFFDIO_UNREGISTER, &range);  // lets go whoever waits
}

void UserfaultHold::protect(bool on) const {
  uffdio_writeprotect change{};
  change.range = range_of(page_, page_bytes_);
  change.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0;
  if (ioctl(descriptor_.get(), UFFDIO_WRITEPROTECT, &change) != 0) refuse("UFFDIO_WRITEPROTECT");
}

double UserfaultHold::hold_next_store(double hold_ns, int patience_ms) {
  protect(true);
  pollfd waited{descriptor_.get(), POLLIN, 0};
  const int ready = poll(&waited, 1, patience_ms);
  const std::int64_t reported_ns = monotonic_raw_ns();
  uffd_msg message{};
  if (ready != 1 || read(descriptor_.get(), &message, sizeof message) != sizeof message) {
    protect(false);
    throw std::runtime_error("no wave stored to the page that was to hold it");
  }
  wait_since(reported_ns, hold_ns);
  protect(false);
  return static_cast<double>(monotonic_raw_ns() - reported_ns);
}

}  // namespace notifier
