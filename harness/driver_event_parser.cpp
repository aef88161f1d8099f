// SPDX-License-Identifier: MIT
#include "driver_event_parser.hpp"

#include <charconv>
#include <limits>

namespace notifier {
namespace {

// Reads fields from the left. After the first mismatch every further read fails, so a format reads
// as one list of fields and is judged once at its end.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  FieldReader& fail() {
    ok_ = false;
    return *this;
  }
  bool at_end() const { return text_.empty(); }
  std::string_view rest() const { return text_; }

  FieldReader& literal(char expected) {
    if (ok_ && !text_.empty() && text_.front() == expected) {
      text_.remove_prefix(1);
    } else {
      ok_ = false;
    }
    return *this;
  }

  FieldReader& literal(std::string_view expected) {
    for (const char character : expected) literal(character);
    return *this;
  }

  template <typename Integer>
  FieldReader& number(std::optional<Integer>& value, int base) {
    Integer parsed{};
    if (!ok_) return *this;
    const char* end = text_.data() + text_.size();
    const auto [next, error] = std::from_chars(text_.data(), end, parsed, base);
    if (error != std::errc()) {
      ok_ = false;
      return *this;
    }
    value = parsed;
    text_.remove_prefix(static_cast<std::size_t>(next - text_.data()));
    return *this;
  }

  template <typename Integer>
  FieldReader& hex(std::optional<Integer>& value) {
    return number(value, 16);
  }
  template <typename Integer>
  FieldReader& decimal(std::optional<Integer>& value) {
    return number(value, 10);
  }

  FieldReader& one_of(std::string_view characters, std::optional<char>& value) {
    if (ok_ && !text_.empty() && characters.find(text_.front()) != std::string_view::npos) {
      value = text_.front();
      text_.remove_prefix(1);
    } else {
      ok_ = false;
    }
    return *this;
  }

  // Kernels append fields to a format (migrate end got an error code): what follows a blank is a
  // field of a newer driver, anything else is a damaged line.
  bool complete() const { return ok_ && (text_.empty() || text_.front() == ' '); }

 private:
  std::string_view text_;
  bool ok_ = true;
};

constexpr std::uint32_t kLargestPid = std::numeric_limits<std::int32_t>::max();

FieldReader& time_and_pid(FieldReader& reader, DriverEvent& event) {
  std::optional<std::uint32_t> pid;
  reader.decimal(event.boottime_ns).literal(" -").decimal(pid);
  if (pid > kLargestPid) return reader.fail();
  if (pid) event.pid = static_cast<std::int32_t>(*pid);
  return reader;
}

FieldReader& page_range(FieldReader& reader, DriverEvent& event) {
  return reader.literal(" @")
      .hex(event.address_pages)
      .literal('(')
      .hex(event.size_pages)
      .literal(')');
}

bool parse_vm_fault(FieldReader reader, DriverEvent& event) {
  // "%x:%s": here the pid is hexadecimal. The task name is arbitrary text.
  std::optional<std::uint32_t> pid;
  reader.hex(pid).literal(':');
  if (!reader.ok() || *pid > kLargestPid) return false;
  event.pid = static_cast<std::int32_t>(*pid);
  return true;
}

bool parse_throttle(FieldReader reader, DriverEvent& event) {
  std::optional<std::uint64_t> bitmask;
  return reader.hex(bitmask).literal(':').hex(event.sequence).complete();
}

bool parse_reset(FieldReader reader, DriverEvent& event) {
  return reader.hex(event.sequence).complete();
}

bool parse_migrate(FieldReader reader, DriverEvent& event) {
  page_range(time_and_pid(reader, event), event);
  reader.literal(' ').hex(event.from_node).literal("->").hex(event.to_node);
  if (event.kind == DriverEventKind::kMigrateStart) {
    reader.literal(' ').hex(event.prefetch_node).literal(':').hex(event.preferred_node);
  }
  reader.literal(' ').decimal(event.trigger);
  const bool has_error = event.kind == DriverEventKind::kMigrateEnd && !reader.at_end();
  if (reader.ok() && has_error) reader.literal(' ').decimal(event.error);
  return reader.complete();
}

bool parse_page_fault(FieldReader reader, DriverEvent& event) {
  time_and_pid(reader, event).literal(" @").hex(event.address_pages).literal('(');
  reader.hex(event.gpu_id).literal(") ");
  if (event.kind == DriverEventKind::kPageFaultStart) {
    return reader.one_of("RW", event.access).complete();
  }
  std::optional<char> how;
  reader.one_of("MU", how);
  if (how) event.migrated = *how == 'M';
  return reader.complete();
}

bool parse_eviction(FieldReader reader, DriverEvent& event) {
  time_and_pid(reader, event).literal(' ').hex(event.gpu_id).literal(' ').decimal(event.trigger);
  return reader.complete();
}

bool parse_restore(FieldReader reader, DriverEvent& event) {
  time_and_pid(reader, event).literal(' ').hex(event.gpu_id);
  if (!reader.ok()) return false;
  // Tails (§5): none or " R" to 6.11; " " and a NUL, already dropped, to December 2025; then
  // " 0" or " R". 'R' means that the restore was put off and the queues still stand.
  if (reader.at_end() || reader.rest() == " ") return true;
  std::optional<char> tail;
  reader.literal(' ').one_of("0R", tail);
  event.rescheduled = tail == 'R';
  return reader.complete();
}

bool parse_unmap(FieldReader reader, DriverEvent& event) {
  page_range(time_and_pid(reader, event), event);
  reader.literal(' ').hex(event.gpu_id).literal(' ').decimal(event.trigger);
  return reader.complete();
}

bool parse_lost_cpu(FieldReader reader, DriverEvent& event) {
  time_and_pid(reader, event).literal(" wave ").decimal(event.wave);
  reader.literal(' ').decimal(event.lost_ns);
  return reader.complete();
}

bool parse_protocol(FieldReader reader, DriverEvent& event) {
  time_and_pid(reader, event).literal(" @").hex(event.address_bytes);
  reader.literal(' ').decimal(event.protocol_kind);
  return reader.complete();
}

bool parse_missed(FieldReader reader, DriverEvent& event) {
  return page_range(time_and_pid(reader, event), event).complete();
}

bool parse_device_fault(FieldReader reader, DriverEvent& event) {
  time_and_pid(reader, event).literal(" @").hex(event.address_bytes);
  reader.literal(' ').one_of("RW", event.access);
  return reader.complete();
}

bool parse_stop_report(FieldReader reader, DriverEvent& event) {
  time_and_pid(reader, event);
  StopReport stop;
  for (std::optional<std::int64_t>* time :
       {&stop.notified, &stop.restore_began, &stop.first_parked, &stop.last_parked,
        &stop.first_resumed, &stop.last_resumed}) {
    reader.literal(' ').decimal(*time);
    if (*time < 0) time->reset();
  }
  event.stop = stop;
  return reader.complete();
}

struct Format {
  std::uint32_t id;
  DriverEventKind kind;
  bool (*parse)(FieldReader, DriverEvent&);
};

constexpr Format kFormats[] = {
    {0x01, DriverEventKind::kVmFault, parse_vm_fault},
    {0x02, DriverEventKind::kThermalThrottle, parse_throttle},
    {0x03, DriverEventKind::kGpuPreReset, parse_reset},
    {0x04, DriverEventKind::kGpuPostReset, parse_reset},
    {0x05, DriverEventKind::kMigrateStart, parse_migrate},
    {0x06, DriverEventKind::kMigrateEnd, parse_migrate},
    {0x07, DriverEventKind::kPageFaultStart, parse_page_fault},
    {0x08, DriverEventKind::kPageFaultEnd, parse_page_fault},
    {0x09, DriverEventKind::kQueueEviction, parse_eviction},
    {0x0a, DriverEventKind::kQueueRestore, parse_restore},
    {0x0b, DriverEventKind::kUnmapFromGpu, parse_unmap},
    {0x0c, DriverEventKind::kProcessStart, parse_vm_fault},
    {0x0d, DriverEventKind::kProcessEnd, parse_vm_fault},
    {0x31, DriverEventKind::kLostCpu, parse_lost_cpu},
    {0x32, DriverEventKind::kProtocol, parse_protocol},
    {0x33, DriverEventKind::kMissed, parse_missed},
    {0x34, DriverEventKind::kDeviceFault, parse_device_fault},
    {0x35, DriverEventKind::kStopReport, parse_stop_report},
};

}  // namespace

std::optional<DriverEvent> parse_driver_event(std::string_view line) {
  FieldReader reader(line);
  std::optional<std::uint32_t> id;
  if (!reader.hex(id).literal(' ').ok()) return std::nullopt;
  DriverEvent event;
  event.id = *id;
  event.raw = BoundedText(line);
  for (const Format& format : kFormats) {
    if (format.id != *id) continue;
    event.kind = format.kind;
    if (!format.parse(reader, event)) return std::nullopt;
    return event;
  }
  return event;
}

void DriverEventParser::feed(std::string_view bytes, std::vector<DriverEvent>& events) {
  for (const char byte : bytes) {
    if (byte == '\n') {
      end_line(events);
    } else if (byte == '\0') {
      continue;
    } else if (line_size_ == line_.size()) {
      overlong_ = true;
    } else {
      line_[line_size_++] = byte;
    }
  }
}

void DriverEventParser::end_line(std::vector<DriverEvent>& events) {
  const std::string_view line(line_.data(), line_size_);
  const bool overlong = overlong_;
  line_size_ = 0;
  overlong_ = false;
  if (line.empty()) return;
  ++counts_.lines;
  const std::optional<DriverEvent> event = overlong ? std::nullopt : parse_driver_event(line);
  if (!event) {
    ++counts_.malformed;
    last_malformed_ = BoundedText(line);
    return;
  }
  if (event->kind == DriverEventKind::kUnknown) ++counts_.unknown;
  events.push_back(*event);
}

}  // namespace notifier
