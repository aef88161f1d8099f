// SPDX-License-Identifier: MIT
#include "bench/pin_cases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "analysis/statistics.hpp"
#include "harness/case.hpp"
#include "harness/pin/clock.hpp"
#include "harness/pin/cost.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/event.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SampleRow;
using analysis::Status;
using analysis::SummaryRow;
using pin::Direction;
using pin::Outcome;
using pin::PageOwner;

// Tries to move pages end when this many moved the control, and cost milliseconds each.
constexpr std::uint32_t kTellingEvents = 3;

std::uint64_t mix(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t mixed = (seed ^ number) * 0x9E3779B97F4A7C15ull;
  return mixed ^ (mixed >> 29);
}

/// What all events of a case have in common, collected one after the other.
class Collector {
 public:
  explicit Collector(const PinRequest& request) : request_(request) {
    describe(request, result_.identity);
  }

  PinResult run() {
    try {
      if (request_.wanted.together != nullptr) {
        run_together_events();
      } else if (request_.wanted.perturbation == nullptr) {
        run_cost_events();
      } else {
        run_outcome_events();
      }
    } catch (const pin::CannotRun& reason) {
      end(Status::kSkipped, reason.what());
    } catch (const std::exception& error) {
      end(Status::kFailed, error.what());
      pool().clear();
    }
    finish();
    return std::move(result_);
  }

 private:
  static void describe(const PinRequest& request, SummaryRow& row) {
    const PinCase& wanted = request.wanted;
    row.case_name = wanted.name();
    row.case_version = kPinCaseVersion;
    row.memory = fmt::format("pin_{}", wanted.actor->name);
    row.backing = to_string(wanted.backing);
    row.perturbation = wanted.perturbation_name();
    row.policy = wanted.policy();
    row.recovery = "none";
    row.size_bytes = static_cast<std::int64_t>(wanted.size_bytes);
    row.seed = static_cast<std::int64_t>(request.seed);
  }

  // Text and status of a case that has failed stay.
  void end(Status status, const std::string& reason) {
    if (result_.identity.status == Status::kFailed) return;
    result_.identity.status = status;
    result_.identity.reason = reason;
  }

  pin::ActorPool& pool() { return request_.actors != nullptr ? *request_.actors : own_actors_; }

  /// Whether there is to be an event number `i`: one always, the others while there is time.
  bool more_events(std::uint32_t i) {
    if (i >= request_.events) return false;
    if (i == 0 || !request_.deadline_ns || pin::raw_clock_ns() < *request_.deadline_ns) return true;
    result_.cut_short = true;
    return false;
  }

  std::uint64_t next_seed() { return mix(request_.seed, result_.samples.size() + 1); }

  SampleRow& add_sample(std::int64_t start_ns) {
    SampleRow sample;
    sample.case_name = result_.identity.case_name;
    sample.event = static_cast<std::int64_t>(result_.samples.size());
    sample.start_ns = start_ns - request_.recording_start_ns;
    result_.samples.push_back(std::move(sample));
    return result_.samples.back();
  }

  void count(std::uint64_t words, std::uint64_t foreign, std::uint64_t torn, SampleRow& sample) {
    words_ += words;
    foreign_ += foreign;
    torn_ += torn;
    sample.violations = static_cast<std::int64_t>(foreign + torn);
  }

  void run_cost_events() {
    const pin::BorrowedActor actor(pool(), *request_.wanted.actor);
    for (std::uint32_t i = 0; more_events(i); ++i) {
      const std::int64_t start_ns = pin::raw_clock_ns();
      const pin::CostResult cost =
          measure_cost(*actor, request_.wanted.size_bytes, request_.wanted.backing);
      attach_ns_.push_back(cost.attach_ns);
      SampleRow& sample = add_sample(start_ns);
      sample[Metric::kSyscall] = cost.fork_ns;
      sample[Metric::kFirstWrite] = cost.first_write_ns;
    }
  }

  void run_together_events() {
    std::array<std::uint64_t, 4> winners{};
    for (std::uint32_t i = 0; more_events(i); ++i) {
      const std::int64_t start_ns = pin::raw_clock_ns();
      const pin::TogetherResult event =
          request_.wanted.together->run(*request_.wanted.together, next_seed());
      attach_ns_.push_back(event.attach_ns);
      SampleRow& sample = add_sample(start_ns);
      sample[Metric::kSyscall] = event.fork_ns;
      count(event.words_checked, event.words_changed_in_child,
            event.torn_seen_by_cpu + event.race_words.torn, sample);
      winners[0] += event.race_words.process_final;
      winners[1] += event.race_words.device;
      winners[2] += event.race_words.second_device;
      winners[3] += event.race_words.total;
      note_outcome(event.outcome, Outcome::kCoherent, Direction::kDeviceWrites);
    }
    const auto percent = [&](std::size_t who) { return 100 * winners[who] / winners[3]; };
    if (winners[3] != 0) {
      notes_ = fmt::format("words seen meanwhile: of CPU or GPU {} %, {} {} %, second actor {} %",
                           percent(0), request_.wanted.together->first, percent(1), percent(2));
    }
  }

  void run_outcome_events() {
    const pin::PerturbationRow& row = *request_.wanted.perturbation;
    if (row.cannot_run != nullptr) {
      const std::string reason = row.cannot_run();
      if (!reason.empty()) throw pin::CannotRun(reason);
    }
    const pin::ActorRow& actor = *request_.wanted.actor;
    if (actor.writes) run_direction(Direction::kDeviceWrites);
    if (actor.reads) run_direction(Direction::kDeviceReads);
    if (row.moves && telling_events_ == 0) {
      end(Status::kSkipped, fmt::format("the kernel did not move the unpinned control either, in "
                                        "{} events",
                                        result_.samples.size()));
      result_.identity.outcome.clear();
    }
  }

  void run_direction(Direction direction) {
    const PinCase& wanted = request_.wanted;
    std::uint32_t telling = 0;
    const pin::BorrowedActor actor(pool(), *wanted.actor);
    for (std::uint32_t i = 0; telling < kTellingEvents && more_events(i); ++i) {
      const std::int64_t start_ns = pin::raw_clock_ns();
      const pin::EventResult event =
          run_event(*actor, *wanted.perturbation, direction, wanted.backing, next_seed());
      result_.identity.memory_path = actor->path();
      attach_ns_.push_back(event.attach_ns);
      SampleRow& sample = add_sample(start_ns);
      sample[Metric::kSyscall] = event.call_ns;
      sample[Metric::kFirstWrite] = event.first_write_ns;
      count(event.words_checked, event.words_changed_in_child, event.torn, sample);
      note_outcome(
          event.outcome,
          expected_outcome(*wanted.perturbation, wanted.actor->hold, direction, wanted.backing),
          direction);
      if (!wanted.perturbation->moves) {
        if (frames_identify_pages()) note_owner(event.original_page);
      } else if (event.control_moved.value_or(false)) {
        ++telling;
        note_moved(event);
      }
    }
    telling_events_ += telling;
  }

  // A page that nobody holds any more may come back at once behind the same address.
  bool frames_identify_pages() const {
    return request_.wanted.actor->hold != pin::Hold::kNothing ||
           request_.wanted.perturbation->forks;
  }

  // Frames of held pages say for certain whether they were moved. A call may succeed without:
  // memory that khugepaged collapsed before, a page that was swapped in again from the swap cache.
  // A page that nobody holds may be freed and come back, so there the call's word counts.
  void note_moved(const pin::EventResult& event) {
    const bool held = request_.wanted.actor->hold != pin::Hold::kNothing;
    std::optional<bool> moved = event.region_moved;
    if (event.frames_changed && (held || !moved)) moved = event.frames_changed;
    if (held && !event.frames_changed && moved.value_or(false)) return;
    if (moved) note_owner(*moved ? PageOwner::kNobody : PageOwner::kProcess);
  }

  void note_owner(PageOwner owner) {
    if (owner_ && *owner_ != owner) owner = PageOwner::kMixed;
    owner_ = owner;
  }

  void note_outcome(Outcome outcome, Outcome expected, Direction direction) {
    Outcome& worst = worst_[static_cast<std::size_t>(direction)].emplace(
        std::max(outcome, worst_[static_cast<std::size_t>(direction)].value_or(outcome)));
    result_.identity.outcome =
        to_string(std::max({worst, worst_[0].value_or(worst), worst_[1].value_or(worst)}));
    if (outcome == expected || request_.kernel_version < request_.wanted.actor->expected_since) {
      return;
    }
    end(Status::kFailed, fmt::format("{}: {} where {} was expected{}", to_string(direction),
                                     to_string(outcome), to_string(expected), source()));
  }

  std::string source() const {
    const pin::PerturbationRow* row = request_.wanted.perturbation;
    return row == nullptr || row->source.empty() ? "" : fmt::format(" ({})", row->source);
  }

  void finish() {
    SummaryRow& row = result_.identity;
    if (owner_ && *owner_ != PageOwner::kUnknown) row.original_page = to_string(*owner_);
    if (row.reason.empty() && worst_[0] && worst_[1] && *worst_[0] != *worst_[1]) {
      row.reason = fmt::format("device writes: {}; device reads: {}", to_string(*worst_[0]),
                               to_string(*worst_[1]));
    }
    if (row.reason.empty()) row.reason = notes_;
    if (const auto attach_ns = analysis::median(attach_ns_)) {
      result_.run_values.push_back({Metric::kRegister, *attach_ns});
    }
    if (row.status == Status::kSkipped) return;
    row.words_checked = static_cast<std::int64_t>(words_);
    row.violations_foreign = static_cast<std::int64_t>(foreign_);
    row.violations_torn = static_cast<std::int64_t>(torn_);
  }

  const PinRequest& request_;
  pin::ActorPool own_actors_;
  PinResult result_;
  std::array<std::optional<Outcome>, 2> worst_;  // by direction
  std::optional<PageOwner> owner_;
  std::vector<double> attach_ns_;
  std::string notes_;
  std::uint32_t telling_events_ = 0;
  std::uint64_t words_ = 0;
  std::uint64_t foreign_ = 0;
  std::uint64_t torn_ = 0;
};

}  // namespace

PinResult run_pin_case(const PinRequest& request) { return Collector(request).run(); }

int kernel_version(const std::string& release) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return 0;
  return major * 1000 + minor;
}

}  // namespace notifier
