// SPDX-License-Identifier: MIT
// libFuzzer target for everything that happens to bytes from a driver: parsing and pairing.
// The first byte chooses how the rest is cut into reads.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "driver_event_pairing.hpp"
#include "driver_event_parser.hpp"

namespace {

using notifier::DriverEvent;
using notifier::DriverEventParser;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<DriverEvent> parse_in_pieces(std::string_view bytes, std::size_t piece_bytes,
                                         DriverEventParser& parser) {
  std::vector<DriverEvent> events;
  while (!bytes.empty()) {
    const std::size_t count = std::min(piece_bytes, bytes.size());
    parser.feed(bytes.substr(0, count), events);
    bytes.remove_prefix(count);
  }
  return events;
}

void check_event(const DriverEvent& event) {
  require(!driver_event_name(event.kind).empty());
  if (event.trigger) driver_event_trigger_name(event.kind, *event.trigger);
  require(!event.pid || *event.pid >= 0);
  event.begin_bytes(4096);
  event.size_bytes(4096);
  if (event.raw.truncated()) return;
  const auto again = notifier::parse_driver_event(event.raw.view());
  require(again.has_value() && again->kind == event.kind && again->id == event.id &&
          again->boottime_ns == event.boottime_ns && again->pid == event.pid &&
          again->rescheduled == event.rescheduled);
}

void check_pairing(const std::vector<DriverEvent>& events) {
  const notifier::EvictionPairing pairing = notifier::pair_evictions(events);
  notifier::EvictionBalance balance;
  for (const DriverEvent& event : events) balance.add(event);
  require(balance.unpaired_restores() == pairing.unpaired_restores.size());
  require(balance.open_evictions() == pairing.unpaired_evictions.size());
  for (const notifier::EvictionPair& pair : pairing.pairs) {
    require(pair.eviction_index < pair.restore_index && pair.restore_index < events.size());
    require(events[pair.eviction_index].gpu_id == events[pair.restore_index].gpu_id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  DriverEventParser whole_parser;
  DriverEventParser cut_parser;
  const auto whole = parse_in_pieces(bytes, bytes.size(), whole_parser);
  const auto cut = parse_in_pieces(bytes, data[0] % 16 + std::size_t{1}, cut_parser);
  require(whole.size() == cut.size());
  require(whole_parser.counts().malformed == cut_parser.counts().malformed);
  require(whole_parser.counts().lines == whole.size() + whole_parser.counts().malformed);
  require(whole_parser.pending_bytes() == cut_parser.pending_bytes());
  for (std::size_t index = 0; index < whole.size(); ++index) {
    require(whole[index].raw.view() == cut[index].raw.view());
    check_event(whole[index]);
  }
  check_pairing(whole);
  return 0;
}
