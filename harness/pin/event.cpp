// SPDX-License-Identifier: MIT
#include "harness/pin/event.hpp"

#include <array>
#include <vector>

#include "harness/pin/clock.hpp"
#include "harness/pin/error.hpp"
#include "kernels/record.hpp"

namespace notifier::pin {
namespace {

// The control's data must not be those of the held memory, or ksmd would merge the two.
constexpr std::uint64_t kControlSeed = 0x5EED'0000;

using Frames = std::array<PageEntry, kFrames>;

class EventRun {
 public:
  EventRun(Actor& actor, const PerturbationRow& row, Direction direction, Backing backing,
           std::uint64_t seed)
      : actor_(actor),
        row_(row),
        layout_{.used_bytes = kUsedBytes, .area_bytes = row.area_bytes, .backing = backing},
        region_(layout_) {
    if (row.moves) control_.emplace(layout_);
    event_.region = &region_;
    event_.control = control_ ? &*control_ : nullptr;
    event_.direction = direction;
    event_.seed = seed;
    event_.view = region_.address();
    seen_.direction = direction;
  }
  // The actor lets go before the memory does, also when something failed.
  ~EventRun() { actor_.detach(); }
  EventRun(const EventRun&) = delete;
  EventRun& operator=(const EventRun&) = delete;

  EventResult run() {
    prepare();
    attach();
    row_.perform(event_);
    if (event_.child != nullptr && event_.child->lives()) actor_.forked(event_.child->pid());
    write_first();
    access();
    if (row_.undo != nullptr) row_.undo(event_);
    look();
    result_.outcome = classify(seen_);
    result_.call_ns = event_.call_ns;
    return result_;
  }

 private:
  void prepare() {
    write_words(region_.used(), Writer::kProcess, kInitialEpoch, event_.seed);
    if (control_) {
      write_words(control_->used(), Writer::kProcess, kInitialEpoch, event_.seed ^ kControlSeed);
    }
    region_.settle();
    if (row_.before == nullptr) return;
    // The pages that fork shares, before the actor may replace them.
    frames_known_ = read_page_entries(region_.address(), original_);
    row_.before(event_);
  }

  void attach() {
    const std::int64_t enter_ns = raw_clock_ns();
    actor_.attach(region_.used(), event_.direction);
    result_.attach_ns = static_cast<double>(raw_clock_ns() - enter_ns);
    // A pin for long may move pages out of movable memory first (check_and_migrate_movable_folios).
    if (!event_.forked) frames_known_ = read_page_entries(region_.address(), original_);
    if (control_) control_known_ = read_page_entries(control_->address(), control_original_);
  }

  void write_first() {
    if (row_.first_writer == FirstWriter::kChild) event_.child->write();
    if (row_.first_writer != FirstWriter::kProcess) return;
    auto* word = reinterpret_cast<std::uint64_t*>(event_.view);
    const Record record = make_record(static_cast<std::uint32_t>(Writer::kProcess), 0,
                                      kFirstWriterEpoch, event_.seed);
    const std::int64_t enter_ns = raw_clock_ns();
    __atomic_store_n(word, record, __ATOMIC_RELAXED);
    result_.first_write_ns = static_cast<double>(raw_clock_ns() - enter_ns);
    write_everywhere(kFirstWriterEpoch);
  }

  void write_everywhere(std::uint64_t epoch) {
    for (std::byte* view : {event_.view, event_.second_view}) {
      if (view != nullptr) write_words({view, kUsedBytes}, Writer::kProcess, epoch, event_.seed);
    }
  }

  void access() {
    std::vector<std::byte> data(kUsedBytes);
    if (event_.direction == Direction::kDeviceWrites) {
      write_words(data, Writer::kDevice, kFinalEpoch, event_.seed);
      seen_.error = actor_.write(data);
      return;
    }
    seen_.process_wrote_last = event_.view != nullptr && event_.writable;
    if (seen_.process_wrote_last) write_everywhere(kFinalEpoch);
    seen_.error = actor_.read(data);
    if (seen_.error == 0) count_device(data);
  }

  void count_device(std::span<const std::byte> data) {
    seen_.device = count_words(data, event_.seed);
    result_.words_checked += seen_.device->total;
  }

  void look() {
    seen_.process_has_memory = event_.view != nullptr;
    for (const std::byte* view : {event_.view, event_.second_view}) {
      if (view == nullptr) continue;
      const WordCounts counts = count_words({view, kUsedBytes}, event_.seed);
      result_.words_checked += counts.total;
      if (seen_.process.total == 0 || counts.device > seen_.process.device) seen_.process = counts;
    }
    look_through_child();
    find_pages();
    // Where a write went that the process does not see, the device itself can tell.
    if (event_.direction == Direction::kDeviceWrites && seen_.error == 0 && actor_.reads_back()) {
      std::vector<std::byte> data(kUsedBytes);
      if (actor_.read(data) == 0) count_device(data);
    }
    result_.words_changed_in_child = words_changed_in_child(seen_);
    result_.torn = seen_.process.torn + (seen_.device ? seen_.device->torn : 0) +
                   (seen_.child ? seen_.child->words.torn : 0);
  }

  void look_through_child() {
    if (event_.child == nullptr || !event_.child->lives()) return;
    seen_.child_first = event_.child->first_report();
    seen_.child_has_written = event_.child->has_written();
    seen_.child = event_.child->scan();
    result_.words_checked += seen_.child->words.total;
  }

  void find_pages() {
    Frames now{};
    if (event_.view != nullptr) frames_known_ &= read_page_entries(event_.view, now);
    if (frames_known_) {
      const bool child_has = seen_.child && seen_.child->mapped;
      result_.original_page = find_owner(
          original_, now,
          child_has ? std::span<const PageEntry>(seen_.child->frames) : std::span<PageEntry>());
    }
    if (!row_.moves) return;
    result_.region_moved = event_.region_moved;
    result_.control_moved = event_.control_moved;
    Frames control_now{};
    if (!control_known_ || !read_page_entries(control_->address(), control_now)) return;
    if (original_[0].frame() != 0) {
      result_.frames_changed = result_.original_page != PageOwner::kProcess;
    }
    if (control_original_[0].frame() != 0 && !result_.control_moved) {
      result_.control_moved = control_now != control_original_;
    }
  }

  Actor& actor_;
  const PerturbationRow& row_;
  Region::Layout layout_;
  Region region_;
  std::optional<Region> control_;
  Event event_;
  Observation seen_;
  EventResult result_;
  Frames original_{};
  Frames control_original_{};
  bool frames_known_ = false;
  bool control_known_ = false;
};

}  // namespace

EventResult run_event(Actor& actor, const PerturbationRow& row, Direction direction,
                      Backing backing, std::uint64_t seed) {
  return EventRun(actor, row, direction, backing, seed).run();
}

}  // namespace notifier::pin
