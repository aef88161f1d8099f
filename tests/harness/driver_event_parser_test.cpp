// SPDX-License-Identifier: MIT
#include "driver_event_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace notifier {
namespace {

using std::string_literals::operator""s;

DriverEvent parse_one(const std::string& bytes) {
  DriverEventParser parser;
  std::vector<DriverEvent> events;
  parser.feed(bytes, events);
  EXPECT_EQ(parser.counts().malformed, 0u) << bytes;
  EXPECT_EQ(parser.pending_bytes(), 0u) << bytes;
  if (events.size() != 1) {
    ADD_FAILURE() << events.size() << " events from " << bytes;
    return {};
  }
  return events.front();
}

bool is_malformed(const std::string& line) {
  DriverEventParser parser;
  std::vector<DriverEvent> events;
  parser.feed(line + "\n", events);
  EXPECT_TRUE(parser.counts().malformed == 1 || events.size() == 1) << line;
  return events.empty();
}

TEST(DriverEventParser, QueueEviction) {
  const DriverEvent event = parse_one("9 123456789012 -4711 8f5c 1\n");
  EXPECT_EQ(event.kind, DriverEventKind::kQueueEviction);
  EXPECT_EQ(event.boottime_ns, 123456789012);
  EXPECT_EQ(event.pid, 4711);
  EXPECT_EQ(event.gpu_id, 0x8f5cu);
  EXPECT_EQ(event.trigger, static_cast<std::uint32_t>(EvictionTrigger::kUserptr));
  EXPECT_EQ(driver_event_trigger_name(event.kind, *event.trigger), "userptr");
  EXPECT_EQ(event.raw.view(), "9 123456789012 -4711 8f5c 1");
}

struct RestoreTail {
  std::string tail;
  bool rescheduled;
};

class RestoreTails : public testing::TestWithParam<RestoreTail> {};

TEST_P(RestoreTails, AreAllUnderstood) {
  const DriverEvent event = parse_one("a 1000 -7 c0de" + GetParam().tail + "\n");
  EXPECT_EQ(event.kind, DriverEventKind::kQueueRestore);
  EXPECT_EQ(event.boottime_ns, 1000);
  EXPECT_EQ(event.gpu_id, 0xc0deu);
  EXPECT_EQ(event.rescheduled, GetParam().rescheduled);
}

INSTANTIATE_TEST_SUITE_P(EveryKernel, RestoreTails,
                         testing::Values(RestoreTail{"", false},       // to 6.11
                                         RestoreTail{" R", true},      // rescheduled, any kernel
                                         RestoreTail{" \0"s, false},   // 6.12 to December 2025
                                         RestoreTail{" 0", false},     // after 969faea4e9d0
                                         RestoreTail{" 0 17", false},  // a field we do not know
                                         RestoreTail{" R 17", true}));

TEST(DriverEventParser, MigrateStart) {
  const DriverEvent event = parse_one("5 42 -9 @7f0000(200) 0->8f5c ffffffff:0 1\n");
  EXPECT_EQ(event.kind, DriverEventKind::kMigrateStart);
  EXPECT_EQ(event.address_pages, 0x7f0000u);
  EXPECT_EQ(event.size_pages, 0x200u);
  EXPECT_EQ(event.begin_bytes(4096), 0x7f0000000u);
  EXPECT_EQ(event.size_bytes(4096), 2u * 1024 * 1024);
  EXPECT_EQ(event.from_node, 0u);
  EXPECT_EQ(event.to_node, 0x8f5cu);
  EXPECT_EQ(event.prefetch_node, 0xffffffffu);
  EXPECT_EQ(event.preferred_node, 0u);
  EXPECT_EQ(driver_event_trigger_name(event.kind, *event.trigger), "gpu_fault");
}

TEST(DriverEventParser, MigrateEndWithAndWithoutError) {
  const DriverEvent older = parse_one("6 43 -9 @7f0000(200) 0->8f5c 0\n");
  EXPECT_EQ(older.kind, DriverEventKind::kMigrateEnd);
  EXPECT_EQ(older.trigger, 0u);
  EXPECT_FALSE(older.error.has_value());
  const DriverEvent newer = parse_one("6 43 -9 @7f0000(200) 0->8f5c 2 -12\n");
  EXPECT_EQ(newer.trigger, 2u);
  EXPECT_EQ(newer.error, -12);
}

TEST(DriverEventParser, PageFaults) {
  const DriverEvent start = parse_one("7 44 -9 @7f12ab(8f5c) W\n");
  EXPECT_EQ(start.kind, DriverEventKind::kPageFaultStart);
  EXPECT_EQ(start.address_pages, 0x7f12abu);
  EXPECT_EQ(start.gpu_id, 0x8f5cu);
  EXPECT_EQ(start.access, 'W');
  EXPECT_FALSE(start.size_pages.has_value());
  EXPECT_EQ(parse_one("8 45 -9 @7f12ab(8f5c) M\n").migrated, true);
  EXPECT_EQ(parse_one("8 45 -9 @7f12ab(8f5c) U\n").migrated, false);
}

TEST(DriverEventParser, UnmapFromGpu) {
  const DriverEvent event = parse_one("b 46 -9 @7f0000(10) 8f5c 2\n");
  EXPECT_EQ(event.kind, DriverEventKind::kUnmapFromGpu);
  EXPECT_EQ(event.size_pages, 0x10u);
  EXPECT_EQ(driver_event_trigger_name(event.kind, *event.trigger), "unmap_from_cpu");
}

TEST(DriverEventParser, EventsForEverybodyCarryNoTime) {
  const DriverEvent fault = parse_one("1 1267:my job: x\n");
  EXPECT_EQ(fault.kind, DriverEventKind::kVmFault);
  EXPECT_EQ(fault.pid, 0x1267);  // hexadecimal in this format only
  EXPECT_FALSE(fault.boottime_ns.has_value());
  const DriverEvent throttle = parse_one("2 20:1f\n");
  EXPECT_EQ(throttle.kind, DriverEventKind::kThermalThrottle);
  EXPECT_EQ(throttle.sequence, 0x1fu);
  EXPECT_EQ(parse_one("3 11\n").sequence, 0x11u);                              // to 6.10
  EXPECT_EQ(parse_one("3 2 job hang\n").kind, DriverEventKind::kGpuPreReset);  // with a cause
  EXPECT_EQ(parse_one("4 2 \n").kind, DriverEventKind::kGpuPostReset);  // with an empty cause
  EXPECT_EQ(parse_one("c 10:a\n").kind, DriverEventKind::kProcessStart);
  EXPECT_EQ(parse_one("d 10:a\n").kind, DriverEventKind::kProcessEnd);
}

TEST(DriverEventParser, SoftwareGpuEvents) {
  const DriverEvent lost = parse_one("31 99 -8 wave 3 2500000\n");
  EXPECT_EQ(lost.kind, DriverEventKind::kLostCpu);
  EXPECT_EQ(lost.wave, 3u);
  EXPECT_EQ(lost.lost_ns, 2500000);
  const DriverEvent protocol = parse_one("32 99 -8 @7f0000001008 2\n");
  EXPECT_EQ(protocol.kind, DriverEventKind::kProtocol);
  EXPECT_EQ(protocol.begin_bytes(4096), 0x7f0000001008u);
  EXPECT_EQ(protocol.protocol_kind, 2);
  const DriverEvent missed = parse_one("33 99 -8 @7f0000(3)\n");
  EXPECT_EQ(missed.kind, DriverEventKind::kMissed);
  EXPECT_EQ(missed.size_pages, 3u);
  const DriverEvent fault = parse_one("34 99 -8 @7f0000001008 W\n");
  EXPECT_EQ(fault.kind, DriverEventKind::kDeviceFault);
  EXPECT_EQ(fault.access, 'W');
}

TEST(DriverEventParser, ReportOfAStop) {
  const DriverEvent stop = parse_one("35 1000 -8 7 1000000 -1 5 1400000 1500000\n");
  EXPECT_EQ(stop.kind, DriverEventKind::kStopReport);
  ASSERT_TRUE(stop.stop);
  EXPECT_EQ(stop.boottime_ns, 1000);
  EXPECT_EQ(stop.stop->notified, 7);
  EXPECT_EQ(stop.stop->restore_began, 1000000);
  EXPECT_FALSE(stop.stop->first_parked);
  EXPECT_EQ(stop.stop->last_parked, 5);
  EXPECT_EQ(stop.stop->first_resumed, 1400000);
  EXPECT_EQ(stop.stop->last_resumed, 1500000);
}

TEST(DriverEventParser, UnknownIdsAreKeptAsText) {
  DriverEventParser parser;
  std::vector<DriverEvent> events;
  parser.feed("e 1000 -7 c0de R\n3f whatever comes\n", events);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, DriverEventKind::kUnknown);
  EXPECT_EQ(events[0].id, 0xeu);
  EXPECT_EQ(events[1].raw.view(), "3f whatever comes");
  EXPECT_EQ(parser.counts().unknown, 2u);
  EXPECT_EQ(parser.counts().malformed, 0u);
}

TEST(DriverEventParser, MalformedLinesAreCountedAndTheNextOneIsRead) {
  for (const char* line : {"9",
                           "9 ",
                           "xyz",
                           " 9 1 -2 3 4",
                           "9 1 2 3 4",
                           "9 1 -2 3",
                           "9 1 -2 3 4x",
                           "9 1 --2 3 4",
                           "9 99999999999999999999 -2 3 4",
                           "9 1 -4294967295 3 4",
                           "a 1 -2 3 X",
                           "a 1 -2",
                           "5 42 -9 @7f(2) 0->8 1 1",
                           "6 42 -9 @7f(2 0->8 1",
                           "6 42 -9 @7f(2) 0->8 1 x",
                           "7 44 -9 @7f(8) X",
                           "8 45 -9 @7f(8) W",
                           "b 46 -9 @7f(10) 8",
                           "35 1000 -8 7 1 2 3 4",
                           "1 :name",
                           "1 ffffffff:name",
                           "2 20",
                           "3 ",
                           "31 99 -8 wave 3",
                           "32 99 -8 @7f",
                           "33 99 -8 @7f",
                           "34 99 -8 @7f x"}) {
    EXPECT_TRUE(is_malformed(line)) << line;
  }
  DriverEventParser parser;
  std::vector<DriverEvent> events;
  parser.feed("garbage\n9 1 -2 3 0\n", events);
  EXPECT_EQ(parser.counts().lines, 2u);
  EXPECT_EQ(parser.counts().malformed, 1u);
  EXPECT_EQ(parser.last_malformed(), "garbage");
  EXPECT_EQ(events.size(), 1u);
}

TEST(DriverEventParser, OverlongLineIsOneMalformedLine) {
  DriverEventParser parser;
  std::vector<DriverEvent> events;
  parser.feed("3 1 " + std::string(5000, 'x'), events);
  EXPECT_TRUE(events.empty());
  parser.feed("\n4 1 done\n", events);
  EXPECT_EQ(parser.counts().malformed, 1u);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, DriverEventKind::kGpuPostReset);
}

TEST(DriverEventParser, LongRawTextIsCutAndSaysSo) {
  const DriverEvent event = parse_one("3 1 " + std::string(300, 'x') + "\n");
  EXPECT_TRUE(event.raw.truncated());
  EXPECT_EQ(event.raw.view().size(), BoundedText::kCapacity);
}

// Whatever way the driver's bytes are cut into reads, the events are the same.
TEST(DriverEventParser, EverySplitGivesTheSameEvents) {
  const std::string bytes =
      "9 100 -7 c0de 1\nb 101 -7 @7f(2) c0de 0\na 102 -7 c0de R\na 103 -7 c0de \0\n"
      "a 104 -7 c0de 0\nbroken\n1 7:name with blank\n31 105 -7 wave 0 12\n"s;
  std::vector<DriverEvent> whole;
  DriverEventParser whole_parser;
  whole_parser.feed(bytes, whole);
  ASSERT_EQ(whole.size(), 7u);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      DriverEventParser parser;
      std::vector<DriverEvent> events;
      const std::string_view view(bytes);
      parser.feed(view.substr(0, first), events);
      parser.feed(view.substr(first, second - first), events);
      parser.feed(view.substr(second), events);
      ASSERT_EQ(events.size(), whole.size()) << first << " " << second;
      ASSERT_EQ(parser.counts().malformed, 1u);
      for (std::size_t index = 0; index < events.size(); ++index) {
        ASSERT_EQ(events[index].raw.view(), whole[index].raw.view());
        ASSERT_EQ(events[index].kind, whole[index].kind);
      }
    }
  }
}

}  // namespace
}  // namespace notifier
