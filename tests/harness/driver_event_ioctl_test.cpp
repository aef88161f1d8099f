// SPDX-License-Identifier: MIT
// The way through /dev/kfd, in an executable without hsaKmtOpenSMI (as with Debian 12's thunk). The
// kernel side of the two ioctls is played by an ioctl() of our own.
#include <gtest/gtest.h>
#include <linux/kfd_ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <string>

#include "driver_event_listener.hpp"

namespace {

struct FakeKfd {
  std::uint32_t major = 1;
  std::uint32_t minor = 10;
  bool knows_ioctls = true;
  std::uint32_t asked_gpu_id = 0;
  int driver_end = -1;
};

FakeKfd g_kfd;

}  // namespace

extern "C" int ioctl(int, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (!g_kfd.knows_ioctls) {
    errno = ENOTTY;
    return -1;
  }
  if (request == AMDKFD_IOC_GET_VERSION) {
    *static_cast<kfd_ioctl_get_version_args*>(argument) = {.major_version = g_kfd.major,
                                                           .minor_version = g_kfd.minor};
    return 0;
  }
  if (request == AMDKFD_IOC_SMI_EVENTS) {
    auto* smi = static_cast<kfd_ioctl_smi_events_args*>(argument);
    g_kfd.asked_gpu_id = smi->gpuid;
    int ends[2];
    if (smi->gpuid != 0xc0de || ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
      errno = EINVAL;
      return -1;
    }
    g_kfd.driver_end = ends[0];
    smi->anon_fd = static_cast<std::uint32_t>(ends[1]);
    return 0;
  }
  errno = ENOTTY;
  return -1;
}

namespace notifier {
namespace {

class IoctlPath : public testing::Test {
 protected:
  void SetUp() override { g_kfd = FakeKfd{}; }
  const DriverEventOptions options_{.gpu_id = 0xc0de, .kfd_device = "/dev/null"};
};

TEST_F(IoctlPath, SubscribesByGpuId) {
  const auto opened = DriverEventListener::open(options_);
  ASSERT_NE(opened.listener, nullptr) << opened.reason;
  EXPECT_EQ(opened.listener->source(), "ioctl");
  EXPECT_EQ(g_kfd.asked_gpu_id, 0xc0deu);
  const FileDescriptor driver(g_kfd.driver_end);
  const std::string line = "9 1 -7 c0de 1\n";
  ASSERT_EQ(::write(driver.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  opened.listener->drain_now();
  EXPECT_EQ(opened.listener->events_since(0).events.size(), 1u);
}

TEST_F(IoctlPath, OldKfdIsRefusedWithItsVersion) {
  g_kfd.minor = 9;
  const auto opened = DriverEventListener::open(options_);
  EXPECT_EQ(opened.listener, nullptr);
  EXPECT_NE(opened.reason.find("KFD 1.9"), std::string::npos) << opened.reason;
}

TEST_F(IoctlPath, NewMajorVersionIsAccepted) {
  g_kfd.major = 2;
  g_kfd.minor = 0;
  const auto opened = DriverEventListener::open(options_);
  EXPECT_NE(opened.listener, nullptr) << opened.reason;
  ::close(g_kfd.driver_end);
}

TEST_F(IoctlPath, EachFailureNamesItself) {
  auto opened = DriverEventListener::open({.gpu_id = 1, .kfd_device = "/dev/null"});
  EXPECT_NE(opened.reason.find("AMDKFD_IOC_SMI_EVENTS(gpu_id 1)"), std::string::npos);
  g_kfd.knows_ioctls = false;
  opened = DriverEventListener::open(options_);
  EXPECT_NE(opened.reason.find("AMDKFD_IOC_GET_VERSION"), std::string::npos);
  opened = DriverEventListener::open({.kfd_device = "/no/such/device"});
  EXPECT_NE(opened.reason.find("/no/such/device"), std::string::npos);
  EXPECT_EQ(opened.listener, nullptr);
}

}  // namespace
}  // namespace notifier
