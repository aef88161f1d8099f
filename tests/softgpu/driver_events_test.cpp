// SPDX-License-Identifier: MIT
#include "softgpu/core/driver_events.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "softgpu/core/clock.hpp"

namespace softgpu {
namespace {

std::uint64_t bit(EventId id) { return 1ull << (static_cast<unsigned>(id) - 1); }

class DriverEventsTest : public testing::Test {
 protected:
  ~DriverEventsTest() override {
    for (const int descriptor : descriptors_) {
      close(descriptor);
    }
  }

  int open_subscribed(std::uint64_t mask) {
    const int descriptor = events_.open(0);
    EXPECT_GE(descriptor, 0);
    descriptors_.push_back(descriptor);
    subscribe(descriptor, mask);
    return descriptor;
  }

  static void subscribe(int descriptor, std::uint64_t mask) {
    EXPECT_EQ(write(descriptor, &mask, sizeof(mask)), static_cast<ssize_t>(sizeof(mask)));
  }

  static std::string read_text(int descriptor) {
    char buffer[4 * DriverEvents::kFifoBytes];
    const ssize_t got = read(descriptor, buffer, sizeof(buffer));
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }

  DriverEvents events_{1};
  std::vector<int> descriptors_;
};

struct FormatCase {
  const char* name;
  void (*emit)(DriverEvents& events);
  std::string id;
  std::string rest;  // after the id, the time and the process
};

class FormatTest : public DriverEventsTest, public testing::WithParamInterface<FormatCase> {};

TEST_P(FormatTest, LineIsAsTheDriverWritesIt) {
  const int descriptor = open_subscribed(~0ull);
  const std::uint64_t before_ns = read_clock_ns(CLOCK_BOOTTIME);
  GetParam().emit(events_);
  const std::uint64_t after_ns = read_clock_ns(CLOCK_BOOTTIME);
  const std::string text = read_text(descriptor);
  ASSERT_NE(text.find(' '), std::string::npos);
  const std::uint64_t stamp_ns = std::stoull(text.substr(text.find(' ')));
  EXPECT_EQ(text, GetParam().id + " " + std::to_string(stamp_ns) + " -" + std::to_string(getpid()) +
                      GetParam().rest + "\n");
  EXPECT_GE(stamp_ns, before_ns);
  EXPECT_LE(stamp_ns, after_ns);
}

// kfd_facts §5, and softgpu's own lines.
INSTANTIATE_TEST_SUITE_P(
    All, FormatTest,
    testing::Values(
        FormatCase{"EvictionOfUserptr",
                   [](DriverEvents& events) { events.queue_eviction(EvictionTrigger::kUserptr); },
                   "9", " 50f7 1"},
        FormatCase{"EvictionOfSvm",
                   [](DriverEvents& events) { events.queue_eviction(EvictionTrigger::kSvm); }, "9",
                   " 50f7 0"},
        FormatCase{"Restore", [](DriverEvents& events) { events.queue_restore(false); }, "a",
                   " 50f7"},
        FormatCase{"RestoreRescheduled", [](DriverEvents& events) { events.queue_restore(true); },
                   "a", " 50f7 R"},
        FormatCase{"UnmapInPages",
                   [](DriverEvents& events) {
                     events.unmap_from_gpu(0xABC000, 0x11000, UnmapTrigger::kUnmapFromCpu);
                   },
                   "b", " @abc(11) 50f7 2"},
        FormatCase{"PageFaultStart",
                   [](DriverEvents& events) {
                     events.page_fault_start(0, 0xABC008, Access::kWrite,
                                             read_clock_ns(CLOCK_BOOTTIME));
                   },
                   "7", " @abc(50f7) W"},
        FormatCase{"PageFaultEnd",
                   [](DriverEvents& events) { events.page_fault_end(0, 0xABC008, false); }, "8",
                   " @abc(50f7) U"},
        FormatCase{"LostCpu", [](DriverEvents& events) { events.lost_cpu(0, 3, 123456); }, "31",
                   " wave 3 123456"},
        FormatCase{"ProtocolInBytes",
                   [](DriverEvents& events) {
                     events.protocol_violation(0xABC008, ProtocolViolation::kAccessWhileInvalid);
                   },
                   "32", " @abc008 1"},
        FormatCase{"MissedInPages", [](DriverEvents& events) { events.missed(0xABC000, 17); }, "33",
                   " @abc(11)"},
        FormatCase{"FaultOnWrite",
                   [](DriverEvents& events) { events.device_fault(0, 0xABC008, Access::kWrite); },
                   "34", " @abc008 W"},
        FormatCase{"FaultOnRead",
                   [](DriverEvents& events) { events.device_fault(0, 0xABC008, Access::kRead); },
                   "34", " @abc008 R"}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(DriverEventsTest, NothingToReadIsTryAgain) {
  const int descriptor = open_subscribed(~0ull);
  char byte = 0;
  EXPECT_EQ(read(descriptor, &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(DriverEventsTest, PollSaysWhenThereIsALine) {
  const int descriptor = open_subscribed(~0ull);
  pollfd readable{.fd = descriptor, .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&readable, 1, 0), 0);
  events_.queue_restore(false);
  EXPECT_EQ(poll(&readable, 1, 0), 1);
}

TEST_F(DriverEventsTest, NothingComesBeforeAMask) {
  const int descriptor = events_.open(0);
  descriptors_.push_back(descriptor);
  events_.queue_restore(false);
  EXPECT_EQ(read_text(descriptor), "");
}

TEST_F(DriverEventsTest, MaskSelectsAndTheLastMaskCounts) {
  const int descriptor = open_subscribed(bit(EventId::kQueueEviction));
  events_.queue_restore(false);
  EXPECT_EQ(read_text(descriptor), "");
  subscribe(descriptor, bit(EventId::kQueueRestore));
  events_.queue_eviction(EvictionTrigger::kSvm);
  events_.queue_restore(false);
  EXPECT_EQ(read_text(descriptor).substr(0, 2), "a ");
}

TEST_F(DriverEventsTest, EachDescriptorHasItsOwnMaskAndLines) {
  const int restores = open_subscribed(bit(EventId::kQueueRestore));
  const int evictions = open_subscribed(bit(EventId::kQueueEviction));
  events_.queue_eviction(EvictionTrigger::kSvm);
  events_.queue_restore(false);
  EXPECT_EQ(read_text(evictions).substr(0, 2), "9 ");
  EXPECT_EQ(read_text(restores).substr(0, 2), "a ");
}

TEST_F(DriverEventsTest, FullFifoDropsWholeLinesSilently) {
  const int descriptor = open_subscribed(~0ull);
  for (std::size_t line = 0; line < 1000; ++line) {
    events_.queue_restore(false);
  }
  const std::string text = read_text(descriptor);
  EXPECT_LE(text.size(), DriverEvents::kFifoBytes);
  EXPECT_GT(text.size(), DriverEvents::kFifoBytes - 64);
  EXPECT_EQ(text.back(), '\n');
  events_.queue_eviction(EvictionTrigger::kSvm);
  EXPECT_EQ(read_text(descriptor).substr(0, 2), "9 ");
}

TEST_F(DriverEventsTest, ClosedDescriptorsMakeRoomForNewOnes) {
  for (std::size_t round = 0; round < 3 * DriverEvents::kMaximumClients; ++round) {
    const int descriptor = events_.open(0);
    ASSERT_GE(descriptor, 0) << round;
    close(descriptor);
  }
}

TEST_F(DriverEventsTest, TooManyDescriptorsAreAnError) {
  for (std::size_t client = 0; client < DriverEvents::kMaximumClients; ++client) {
    open_subscribed(~0ull);
  }
  EXPECT_EQ(events_.open(0), -EMFILE);
}

}  // namespace
}  // namespace softgpu
