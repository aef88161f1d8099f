// SPDX-License-Identifier: MIT
#include "analysis/change_points/attribution.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace notifier::analysis {
namespace {

constexpr std::size_t kCandidatesKept = 5;
constexpr std::array<std::string_view, 7> kClasses = {"kernel", "driver", "firmware", "gpu",
                                                      "cpu",    "memory", "other"};

using Transition = std::tuple<std::string, std::string, std::string>;

// The steps of one timeline around one night.
struct Event {
  std::size_t timeline = 0;
  std::size_t first = 0;
  std::size_t last = 0;
  std::vector<std::size_t> steps;
  std::set<Transition> transitions;
};

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

std::size_t class_rank(std::string_view field) {
  return static_cast<std::size_t>(std::find(kClasses.begin(), kClasses.end(), field_class(field)) -
                                  kClasses.begin());
}

std::vector<Event> collect_events(std::span<const LocatedStep> steps) {
  std::vector<std::size_t> order(steps.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(steps[a].timeline, steps[a].position) <
           std::tie(steps[b].timeline, steps[b].position);
  });
  std::vector<Event> events;
  for (const std::size_t index : order) {
    const LocatedStep& step = steps[index];
    const bool same = !events.empty() && events.back().timeline == step.timeline &&
                      step.position <= events.back().first + kSameNights;
    if (!same) events.push_back({step.timeline, step.position, step.position, {}, {}});
    events.back().last = step.position;
    events.back().steps.push_back(index);
  }
  return events;
}

class Grouping {
 public:
  Grouping(std::span<const LocatedStep> steps, std::span<const EnvironmentChange> changes,
           std::span<const std::size_t> devices)
      : steps_(steps), devices_(devices), events_(collect_events(steps)) {
    for (const EnvironmentChange& change : changes) {
      carriers_[{change.field, change.from, change.to}].insert(change.timeline);
    }
    for (const EnvironmentChange& change : changes) attach(change);
  }

  std::vector<StepGroup> run() const {
    std::map<Transition, std::size_t> group_of_transition;
    std::vector<StepGroup> groups;
    for (const Event& event : events_) {
      const std::vector<Candidate> candidates = rank_candidates(event);
      const bool explained = !candidates.empty() && is_cause(candidates.front());
      std::size_t group = groups.size();
      if (explained) {
        const Candidate& best = candidates.front();
        group =
            group_of_transition.try_emplace({best.field, best.from, best.to}, group).first->second;
      }
      if (group == groups.size()) {
        groups.push_back({{}, explained ? Cause::kEnvironment : local_cause(event), candidates});
      }
      auto& members = groups[group].steps;
      members.insert(members.end(), event.steps.begin(), event.steps.end());
    }
    for (StepGroup& group : groups) std::sort(group.steps.begin(), group.steps.end());
    std::sort(groups.begin(), groups.end(), [](const StepGroup& a, const StepGroup& b) {
      return a.steps.front() < b.steps.front();
    });
    return groups;
  }

 private:
  void attach(const EnvironmentChange& change) {
    for (Event& event : events_) {
      if (event.timeline != change.timeline || change.position + kSameNights < event.first ||
          change.position > event.last + kSameNights) {
        continue;
      }
      const Transition transition{change.field, change.from, change.to};
      event.transitions.insert(transition);
      stepped_[transition].insert(change.timeline);
    }
  }

  Candidate describe(const Transition& transition) const {
    const std::size_t stepped = stepped_.at(transition).size();
    return {std::get<0>(transition), std::get<1>(transition), std::get<2>(transition), stepped,
            carriers_.at(transition).size() - stepped};
  }

  // A change that most machines took without a step explains nothing.
  static bool is_cause(const Candidate& candidate) {
    return candidate.machines_stepped > candidate.machines_steady;
  }

  std::vector<Candidate> rank_candidates(const Event& event) const {
    std::vector<Candidate> candidates;
    for (const Transition& transition : event.transitions) {
      candidates.push_back(describe(transition));
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) {
                       if (is_cause(a) != is_cause(b)) return is_cause(a);
                       if (a.machines_stepped != b.machines_stepped) {
                         return a.machines_stepped > b.machines_stepped;
                       }
                       if (a.machines_steady != b.machines_steady) {
                         return a.machines_steady < b.machines_steady;
                       }
                       return class_rank(a.field) < class_rank(b.field);
                     });
    if (candidates.size() > kCandidatesKept) candidates.resize(kCandidatesKept);
    return candidates;
  }

  Cause local_cause(const Event& event) const {
    std::set<std::string> stepped;
    for (const std::size_t step : event.steps) stepped.insert(steps_[step].device);
    if (stepped.size() < devices_[event.timeline]) return Cause::kOneDevice;
    return devices_.size() > 1 ? Cause::kOneMachine : Cause::kUnknown;
  }

  std::span<const LocatedStep> steps_;
  std::span<const std::size_t> devices_;
  std::vector<Event> events_;
  std::map<Transition, std::set<std::size_t>> carriers_;
  std::map<Transition, std::set<std::size_t>> stepped_;
};

}  // namespace

std::string_view to_word(Cause cause) {
  constexpr std::array<std::string_view, 4> kWords = {"environment", "one_device", "one_machine",
                                                      "unknown"};
  return kWords[static_cast<std::size_t>(cause)];
}

std::string_view field_class(std::string_view field) {
  if (contains_any(field,
                   {"kernel_release", "kernel.release", "kernel_version", "kernel.version"})) {
    return kClasses[0];
  }
  if (contains_any(field, {"firmware", "vbios"})) return kClasses[2];
  if (contains_any(field, {"driver", "amdgpu", "rocm", "hip", "kfd"})) return kClasses[1];
  if (contains_any(field, {"gpu", "device"})) return kClasses[3];
  if (contains_any(field, {"cpu", "microcode", "governor"})) return kClasses[4];
  if (contains_any(field, {"memory", "numa", "thp", "ksm", "swap"})) return kClasses[5];
  return kClasses[6];
}

std::vector<StepGroup> group_steps(std::span<const LocatedStep> steps,
                                   std::span<const EnvironmentChange> changes,
                                   std::span<const std::size_t> devices_per_timeline) {
  return Grouping(steps, changes, devices_per_timeline).run();
}

}  // namespace notifier::analysis
