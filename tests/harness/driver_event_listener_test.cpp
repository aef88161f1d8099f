// SPDX-License-Identifier: MIT
#include "driver_event_listener.hpp"

#include <gtest/gtest.h>
#include <hsakmt.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

// A thunk of ROCm 5.3.0 or later, exported by this executable: node 0 works, others do not exist.
// The far end of the socket stands for the driver.
static int g_driver_end = -1;

extern "C" HSAKMT_STATUS hsaKmtOpenSMI(HSAuint32 node_id, int* descriptor) {
  if (node_id != 0) return HSAKMT_STATUS_INVALID_NODE_UNIT;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return HSAKMT_STATUS_ERROR;
  g_driver_end = ends[0];
  *descriptor = ends[1];
  return HSAKMT_STATUS_SUCCESS;
}

namespace notifier {
namespace {

// A listener at one end of a pipe, the test as driver at the other.
class DriverEventListenerTest : public testing::Test {
 protected:
  void start(const DriverEventOptions& options = {}) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    driver_ = FileDescriptor(ends[1]);
    auto opened = DriverEventListener::adopt(FileDescriptor(ends[0]), options);
    ASSERT_NE(opened.listener, nullptr) << opened.reason;
    listener_ = std::move(opened.listener);
  }

  void write(const std::string& text) {
    ASSERT_EQ(::write(driver_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  FileDescriptor driver_;
  std::unique_ptr<DriverEventListener> listener_;
};

TEST_F(DriverEventListenerTest, DrainNowSeesAllThatWasWritten) {
  start();
  const std::uint64_t before = listener_->cursor();
  write("9 100 -7 1 1\n");
  write("a 200 -7 1 0\n");
  listener_->drain_now();
  const DriverEventListener::Batch batch = listener_->events_since(before);
  ASSERT_EQ(batch.events.size(), 2u);
  EXPECT_EQ(batch.events[0].kind, DriverEventKind::kQueueEviction);
  EXPECT_EQ(batch.events[1].kind, DriverEventKind::kQueueRestore);
  EXPECT_TRUE(listener_->events_since(batch.next_cursor).events.empty());
}

TEST_F(DriverEventListenerTest, ThreadEmptiesTheFifoByItself) {
  start();
  // More than a pipe holds: without the thread the writer would block for good.
  constexpr int kEvents = 20'000;
  for (int index = 0; index < kEvents; ++index) write("9 " + std::to_string(index) + " -7 1 1\n");
  while (listener_->counts().events < kEvents) std::this_thread::yield();
  const auto events = listener_->events_since(0).events;
  ASSERT_EQ(events.size(), static_cast<std::size_t>(kEvents));
  for (int index = 0; index < kEvents; ++index) ASSERT_EQ(events[index].boottime_ns, index);
}

TEST_F(DriverEventListenerTest, LineCutBetweenReadsIsOneEvent) {
  start();
  write("9 100 -7");
  listener_->drain_now();
  EXPECT_EQ(listener_->cursor(), 0u);
  write(" 1 1\n");
  listener_->drain_now();
  EXPECT_EQ(listener_->events_since(0).events.size(), 1u);
}

TEST_F(DriverEventListenerTest, UnpairedEventsAreCounted) {
  start();
  write("a 50 -7 1 0\n9 100 -7 1 1\n9 110 -7 1 0\na 200 -7 1 R\na 300 -7 1 0\n");
  listener_->drain_now();
  EXPECT_EQ(listener_->counts().open_evictions, 1u);
  EXPECT_EQ(listener_->counts().unpaired_restores, 1u);
}

TEST_F(DriverEventListenerTest, MalformedLinesAreCounted) {
  start();
  write("what is this\n9 100 -7 1 1\nf 1 2 3\n");
  listener_->drain_now();
  EXPECT_EQ(listener_->counts().lines.malformed, 1u);
  EXPECT_EQ(listener_->counts().lines.unknown, 1u);
  EXPECT_EQ(listener_->counts().events, 2u);
}

// Inside a container KFD prints the host's pid, which nothing in here knows.
TEST_F(DriverEventListenerTest, LearnsItsPidFromTheFirstEventOfItsOwn) {
  start();
  write("1 9:other\n9 100 -4242 1 1\na 200 -4242 1 0\n9 300 -5 1 1\n1 1092:mine\n");
  listener_->drain_now();
  EXPECT_EQ(listener_->known_pid(), 4242);
  EXPECT_EQ(listener_->counts().foreign, 1u);
  // Faults are sent to everybody and stay, whoever they belong to.
  EXPECT_EQ(listener_->events_since(0).events.size(), 4u);
}

TEST_F(DriverEventListenerTest, GivenPidDropsOthers) {
  start({.pid_filter = PidFilter::kGiven, .own_pid = 5});
  write("9 100 -4242 1 1\n9 300 -5 1 1\n");
  listener_->drain_now();
  EXPECT_EQ(listener_->counts().foreign, 1u);
  ASSERT_EQ(listener_->events_since(0).events.size(), 1u);
  EXPECT_EQ(listener_->events_since(0).events[0].pid, 5);
}

TEST_F(DriverEventListenerTest, NoFilterKeepsAll) {
  start({.pid_filter = PidFilter::kNone});
  write("9 100 -4242 1 1\n9 300 -5 1 1\n");
  listener_->drain_now();
  EXPECT_EQ(listener_->counts().foreign, 0u);
  EXPECT_EQ(listener_->counts().events, 2u);
}

TEST_F(DriverEventListenerTest, ForgottenEventsKeepCursorsValid) {
  start();
  write("9 1 -7 1 1\na 2 -7 1 0\n9 3 -7 1 1\n");
  listener_->drain_now();
  listener_->forget_before(2);
  EXPECT_EQ(listener_->cursor(), 3u);
  ASSERT_EQ(listener_->events_since(0).events.size(), 1u);
  EXPECT_EQ(listener_->events_since(2).events[0].boottime_ns, 3);
  EXPECT_TRUE(listener_->events_since(17).events.empty());
  EXPECT_EQ(listener_->counts().events, 3u);
}

TEST_F(DriverEventListenerTest, ClosedDriverEndIsReported) {
  start();
  write("9 1 -7 1 1\n");
  driver_.reset();
  listener_->drain_now();
  EXPECT_EQ(listener_->counts().events, 1u);
  EXPECT_EQ(listener_->counts().read_error, EPIPE);
}

TEST(DriverEventListenerOpen, UsesTheThunkAndAsksForEveryIdButOtherProcesses) {
  auto opened = DriverEventListener::open({.node_id = 0});
  ASSERT_NE(opened.listener, nullptr) << opened.reason;
  EXPECT_EQ(opened.listener->source(), "hsaKmtOpenSMI");
  const FileDescriptor driver(g_driver_end);
  std::uint64_t mask = 0;
  ASSERT_EQ(::read(driver.get(), &mask, sizeof mask), static_cast<ssize_t>(sizeof mask));
  EXPECT_EQ(mask, 0x7FFF'FFFF'FFFF'FFFFu);
  const std::string line = "31 5 -7 wave 0 9\n";
  ASSERT_EQ(::write(driver.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  opened.listener->drain_now();
  EXPECT_EQ(opened.listener->events_since(0).events.size(), 1u);
}

TEST(DriverEventListenerOpen, UnknownNodeIsAReasonNotACrash) {
  const auto opened = DriverEventListener::open({.node_id = 9, .kfd_device = "/nowhere/kfd"});
  EXPECT_EQ(opened.listener, nullptr);
  EXPECT_NE(opened.reason.find("node 9"), std::string::npos) << opened.reason;
  EXPECT_NE(opened.reason.find("/nowhere/kfd"), std::string::npos) << "the ioctl was tried, too";
}

}  // namespace
}  // namespace notifier
