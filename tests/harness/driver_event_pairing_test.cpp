// SPDX-License-Identifier: MIT
#include "driver_event_pairing.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace notifier {
namespace {

DriverEvent eviction(std::uint32_t gpu_id = 1) {
  DriverEvent event;
  event.kind = DriverEventKind::kQueueEviction;
  event.gpu_id = gpu_id;
  return event;
}

DriverEvent restore(std::uint32_t gpu_id = 1, bool rescheduled = false) {
  DriverEvent event;
  event.kind = DriverEventKind::kQueueRestore;
  event.gpu_id = gpu_id;
  event.rescheduled = rescheduled;
  return event;
}

using Indices = std::vector<std::size_t>;

TEST(EvictionPairing, OneEvictionOneRestore) {
  const std::vector<DriverEvent> events = {eviction(), restore()};
  const EvictionPairing pairing = pair_evictions(events);
  ASSERT_EQ(pairing.pairs.size(), 1u);
  EXPECT_EQ(pairing.pairs[0].eviction_index, 0u);
  EXPECT_EQ(pairing.pairs[0].restore_index, 1u);
  EXPECT_TRUE(pairing.complete());
}

TEST(EvictionPairing, RescheduledRestoreResumesNothing) {
  const std::vector<DriverEvent> events = {eviction(), restore(1, true), restore(1, true),
                                           restore()};
  const EvictionPairing pairing = pair_evictions(events);
  ASSERT_EQ(pairing.pairs.size(), 1u);
  EXPECT_EQ(pairing.pairs[0].restore_index, 3u);
  EXPECT_EQ(pairing.pairs[0].rescheduled_restores, 2u);
  EXPECT_TRUE(pairing.complete());
}

TEST(EvictionPairing, NestedEvictionsEndWithTheLastRestore) {
  const std::vector<DriverEvent> events = {eviction(), eviction(), restore(), restore()};
  const EvictionPairing pairing = pair_evictions(events);
  ASSERT_EQ(pairing.pairs.size(), 1u);
  EXPECT_EQ(pairing.pairs[0].eviction_index, 0u);
  EXPECT_EQ(pairing.pairs[0].restore_index, 3u);
  EXPECT_EQ(pairing.pairs[0].evictions, 2u);
}

TEST(EvictionPairing, GpusArePairedApart) {
  const std::vector<DriverEvent> events = {eviction(1), eviction(2), restore(2), restore(1)};
  const EvictionPairing pairing = pair_evictions(events);
  ASSERT_EQ(pairing.pairs.size(), 2u);
  EXPECT_EQ(pairing.pairs[0].gpu_id, 2u);
  EXPECT_EQ(pairing.pairs[0].eviction_index, 1u);
  EXPECT_EQ(pairing.pairs[1].gpu_id, 1u);
  EXPECT_EQ(pairing.pairs[1].restore_index, 3u);
}

TEST(EvictionPairing, DroppedMessagesShow) {
  const std::vector<DriverEvent> events = {restore(), eviction(), restore(), eviction()};
  const EvictionPairing pairing = pair_evictions(events);
  EXPECT_EQ(pairing.unpaired_restores, (Indices{0}));
  EXPECT_EQ(pairing.unpaired_evictions, (Indices{3}));
  EXPECT_FALSE(pairing.complete());
  EXPECT_EQ(pairing.pairs.size(), 1u);
}

TEST(EvictionPairing, LostRestoreOfANestedEvictionShows) {
  const std::vector<DriverEvent> events = {eviction(), eviction(), restore()};
  const EvictionPairing pairing = pair_evictions(events);
  EXPECT_TRUE(pairing.pairs.empty());
  EXPECT_EQ(pairing.unpaired_evictions.size(), 1u);
}

TEST(EvictionPairing, NothingGivesNothing) {
  EXPECT_TRUE(pair_evictions({}).complete());
  const std::vector<DriverEvent> events = {restore(1, true)};
  EXPECT_TRUE(pair_evictions(events).complete());
}

TEST(EvictionBalance, CountsOpenAndUnpaired) {
  EvictionBalance balance;
  balance.add(eviction(1));
  balance.add(eviction(2));
  balance.add(restore(1, true));
  EXPECT_EQ(balance.open_evictions(), 2u);
  balance.add(restore(1));
  balance.add(restore(1));
  EXPECT_EQ(balance.open_evictions(), 1u);
  EXPECT_EQ(balance.unpaired_restores(), 1u);
}

}  // namespace
}  // namespace notifier
