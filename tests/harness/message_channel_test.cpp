// SPDX-License-Identifier: MIT
#include "harness/message_channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

namespace notifier {
namespace {

class MessageChannelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int sockets[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    channel_ = std::make_unique<MessageChannel>(FileDescriptor(sockets[0]));
    other_ = FileDescriptor(sockets[1]);
  }
  void put(const std::string& bytes) {
    ASSERT_EQ(write(other_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::unique_ptr<MessageChannel> channel_;
  FileDescriptor other_;
};

using Receipt = MessageChannel::Receipt;

TEST_F(MessageChannelTest, RoundTripsTextOfAnyKind) {
  MessageChannel far(std::move(other_));
  ASSERT_TRUE(far.send({{"text", "a \"quote\", a\nnewline, µ"}}));
  nlohmann::json message;
  ASSERT_EQ(channel_->receive(message, 1000), Receipt::kMessage);
  EXPECT_EQ(message.at("text"), "a \"quote\", a\nnewline, µ");
}

TEST_F(MessageChannelTest, BytesThatAreNoTextAreReplaced) {
  MessageChannel far(std::move(other_));
  ASSERT_TRUE(far.send({{"text", "bad \xff byte"}}));
  nlohmann::json message;
  EXPECT_EQ(channel_->receive(message, 1000), Receipt::kMessage);
}

TEST_F(MessageChannelTest, PutsSplitAndJoinedLinesTogether) {
  put("{\"a\":");
  nlohmann::json message;
  EXPECT_EQ(channel_->receive(message, 0), Receipt::kTimeout);
  put("1}\n{\"a\":2}\n");
  ASSERT_EQ(channel_->receive(message, 1000), Receipt::kMessage);
  EXPECT_EQ(message.at("a"), 1);
  ASSERT_EQ(channel_->receive(message, 0), Receipt::kMessage);
  EXPECT_EQ(message.at("a"), 2);
}

TEST_F(MessageChannelTest, SaysWhatWasMalformed) {
  put("no json\n[1]\n{\"a\":1}\n");
  nlohmann::json message;
  EXPECT_EQ(channel_->receive(message, 1000), Receipt::kMalformed);
  EXPECT_EQ(channel_->malformed_line(), "no json");
  EXPECT_EQ(channel_->receive(message, 1000), Receipt::kMalformed);
  EXPECT_EQ(channel_->receive(message, 1000), Receipt::kMessage);
}

TEST_F(MessageChannelTest, NoticesThatTheOtherSideIsGone) {
  put("{\"last\":1}\n");
  other_.reset();
  nlohmann::json message;
  EXPECT_EQ(channel_->receive(message, 1000), Receipt::kMessage);
  EXPECT_EQ(channel_->receive(message, 1000), Receipt::kClosed);
  EXPECT_FALSE(channel_->send({{"a", 1}}));
}

}  // namespace
}  // namespace notifier
