// SPDX-License-Identifier: MIT
#include "clock_correlation.hpp"

#include <algorithm>
#include <cmath>

namespace notifier {
namespace {

// Outside the brackets the rate is taken over at least this long, so that bracket widths of a few
// microseconds do not become a wrong rate.
constexpr std::int64_t kExtrapolationBaseNs = 100'000'000;

// What happened earlier than this before the first bracket is none of a recording's business.
constexpr std::int64_t kLongestBeforeFirstNs = 1'000'000;

ClockBracket between(std::int64_t value, std::int64_t from_ns, std::int64_t to_ns) {
  // Half widths round up: a bracket never claims more than it knows.
  return {.value = value,
          .raw_ns = from_ns + (to_ns - from_ns) / 2,
          .half_width_ns = (to_ns - from_ns + 1) / 2};
}

bool driver_time_inside(const ClockTriple& triple) {
  return triple.raw_before_ns <= triple.raw_ns && triple.raw_ns <= triple.raw_after_ns;
}

}  // namespace

ClockBracket gpu_bracket(const ClockTriple& triple) {
  const std::int64_t end_ns = driver_time_inside(triple) ? triple.raw_ns : triple.raw_after_ns;
  return between(static_cast<std::int64_t>(triple.gpu_ticks), triple.raw_before_ns, end_ns);
}

ClockBracket boottime_bracket(const ClockTriple& triple) {
  const std::int64_t begin_ns = driver_time_inside(triple) ? triple.raw_ns : triple.raw_before_ns;
  return between(triple.boottime_ns, begin_ns, triple.raw_after_ns);
}

std::optional<ClockSample> tightest(std::span<const ClockTriple> triples) {
  std::optional<ClockSample> best;
  for (const ClockTriple& triple : triples) {
    if (triple.raw_after_ns < triple.raw_before_ns) continue;
    const ClockSample sample{.gpu = gpu_bracket(triple), .boottime = boottime_bracket(triple)};
    if (!best) best = sample;
    if (sample.gpu.half_width_ns < best->gpu.half_width_ns) best->gpu = sample.gpu;
    if (sample.boottime.half_width_ns < best->boottime.half_width_ns) {
      best->boottime = sample.boottime;
    }
  }
  return best;
}

ClockTraits gpu_clock_traits() {
  return {.nominal_rate = 0, .step_tolerance = 200e-6, .largest_rate_change = 1e-6};
}

ClockTraits boottime_traits() {
  return {.nominal_rate = 1, .step_tolerance = 1100e-6, .largest_rate_change = 1000e-6};
}

std::optional<ClockRate> calibrate_rate(const ClockBracket& first, const ClockBracket& last) {
  const double elapsed_ns = static_cast<double>(last.raw_ns - first.raw_ns);
  const double elapsed = static_cast<double>(last.value - first.value);
  if (elapsed_ns <= 0 || elapsed <= 0) return std::nullopt;
  const double rate = elapsed / elapsed_ns;
  const double width_ns = static_cast<double>(first.half_width_ns + last.half_width_ns);
  return ClockRate{.units_per_second = rate * 1e9,
                   .uncertainty_per_second = rate * 1e9 * width_ns / elapsed_ns};
}

// A straight piece: value = anchor.value + rate * (raw - anchor.raw).
struct ClockMapping::Line {
  ClockBracket anchor;
  double rate = 0;
  double half_width_ns = 0;
  double drift = 0;  // relative rate error that makes the residual grow outside the brackets
  std::optional<std::size_t> segment = std::nullopt;  // the segment that is interpolated, if any
};

void ClockMapping::add(const ClockBracket& bracket) {
  if (!brackets_.empty() && bracket.raw_ns <= brackets_.back().raw_ns) {
    if (bracket.half_width_ns >= brackets_.back().half_width_ns) return;
    brackets_.pop_back();
    add(bracket);
    return;
  }
  brackets_.push_back(bracket);
  runs_known_ = false;
}

double ClockMapping::segment_rate(std::size_t index) const {
  const ClockBracket& first = brackets_[index];
  const ClockBracket& last = brackets_[index + 1];
  return static_cast<double>(last.value - first.value) /
         static_cast<double>(last.raw_ns - first.raw_ns);
}

// The median over time is a rate that no single step can move.
double ClockMapping::usual_rate() const {
  if (traits_.nominal_rate > 0) return traits_.nominal_rate;
  if (brackets_.size() < 2) return 0;
  struct Weighted {
    double rate;
    double length_ns;
  };
  std::vector<Weighted> segments;
  double total_ns = 0;
  for (std::size_t index = 0; index + 1 < brackets_.size(); ++index) {
    const double length_ns =
        static_cast<double>(brackets_[index + 1].raw_ns - brackets_[index].raw_ns);
    segments.push_back({segment_rate(index), length_ns});
    total_ns += length_ns;
  }
  std::sort(segments.begin(), segments.end(),
            [](const Weighted& a, const Weighted& b) { return a.rate < b.rate; });
  double sum_ns = 0;
  for (const Weighted& segment : segments) {
    sum_ns += segment.length_ns;
    if (sum_ns * 2 >= total_ns) return segment.rate;
  }
  return segments.back().rate;
}

bool ClockMapping::steps_after(std::size_t index, double usual) const {
  if (usual <= 0) return true;
  const ClockBracket& first = brackets_[index];
  const ClockBracket& last = brackets_[index + 1];
  const double length_ns = static_cast<double>(last.raw_ns - first.raw_ns);
  const double expected = usual * length_ns;
  const double deviation = std::abs(static_cast<double>(last.value - first.value) - expected);
  const double widths_ns = static_cast<double>(first.half_width_ns + last.half_width_ns);
  // One unit on either side is the clock's own resolution.
  return deviation > expected * traits_.step_tolerance + usual * widths_ns + 2;
}

const std::vector<ClockMapping::Run>& ClockMapping::runs() const {
  if (runs_known_) return runs_;
  runs_.clear();
  runs_known_ = true;
  if (brackets_.empty()) return runs_;
  usual_rate_ = usual_rate();
  runs_.push_back({.first = 0, .last = 0});
  for (std::size_t index = 0; index + 1 < brackets_.size(); ++index) {
    if (steps_after(index, usual_rate_)) {
      runs_.push_back({.first = index + 1, .last = index + 1});
    } else {
      runs_.back().last = index + 1;
    }
  }
  return runs_;
}

std::size_t ClockMapping::steps() const {
  const std::vector<Run>& all = runs();
  return all.empty() ? 0 : all.size() - 1;
}

// A clock whose rate changed once inside a segment deviates from the chord by exactly this much:
// the rate before the change is that of the segment before, the rate after it that of the next.
double ClockMapping::fit_error_ns(const Run& run, std::size_t segment, double from_first_ns) const {
  const double rate = segment_rate(segment);
  const double length_ns =
      static_cast<double>(brackets_[segment + 1].raw_ns - brackets_[segment].raw_ns);
  const double to_last_ns = length_ns - from_first_ns;
  const bool has_previous = segment > run.first;
  const bool has_next = segment + 1 < run.last;
  const double before = has_previous ? std::abs(segment_rate(segment - 1) - rate) / rate
                                     : traits_.largest_rate_change;
  const double after =
      has_next ? std::abs(segment_rate(segment + 1) - rate) / rate : traits_.largest_rate_change;
  if (!has_previous || !has_next) {
    // Without a neighbour the change may lie anywhere: the farther end bounds it as well.
    const double nearer_ns = std::min(from_first_ns, to_last_ns);
    return nearer_ns * std::max(before, after);
  }
  return std::max(from_first_ns * before, to_last_ns * after);
}

std::optional<ClockMapping::Line> ClockMapping::line_outside(const Run& run,
                                                             bool behind_end) const {
  const ClockBracket& anchor = brackets_[behind_end ? run.last : run.first];
  Line line{.anchor = anchor,
            .half_width_ns = static_cast<double>(anchor.half_width_ns),
            .drift = traits_.largest_rate_change};
  if (run.first == run.last) {
    line.rate = usual_rate_;
    if (line.rate <= 0) return std::nullopt;
    line.drift = std::max(line.drift, traits_.step_tolerance);
    return line;
  }
  std::size_t other = behind_end ? run.last - 1 : run.first + 1;
  while (other > run.first && other < run.last &&
         std::abs(anchor.raw_ns - brackets_[other].raw_ns) < kExtrapolationBaseNs) {
    behind_end ? --other : ++other;
  }
  const double base_ns = std::abs(static_cast<double>(anchor.raw_ns - brackets_[other].raw_ns));
  line.rate = std::abs(static_cast<double>(anchor.value - brackets_[other].value)) / base_ns;
  line.drift +=
      static_cast<double>(anchor.half_width_ns + brackets_[other].half_width_ns) / base_ns;
  return line;
}

std::optional<ClockMapping::Line> ClockMapping::line_at_value(const Run& run,
                                                              std::int64_t value) const {
  if (value < brackets_[run.first].value) return line_outside(run, false);
  if (value > brackets_[run.last].value || run.first == run.last) return line_outside(run, true);
  const auto begin = brackets_.begin() + static_cast<std::ptrdiff_t>(run.first);
  const auto end = brackets_.begin() + static_cast<std::ptrdiff_t>(run.last);
  const auto next = std::upper_bound(
      begin + 1, end, value,
      [](std::int64_t searched, const ClockBracket& known) { return searched < known.value; });
  const std::size_t segment = static_cast<std::size_t>(next - brackets_.begin()) - 1;
  return Line{.anchor = brackets_[segment],
              .rate = segment_rate(segment),
              .half_width_ns = static_cast<double>(
                  std::max(brackets_[segment].half_width_ns, brackets_[segment + 1].half_width_ns)),
              .segment = segment};
}

std::optional<ClockMapping::Line> ClockMapping::line_at_raw(const Run& run,
                                                            std::int64_t raw_ns) const {
  if (raw_ns < brackets_[run.first].raw_ns) return line_outside(run, false);
  if (raw_ns > brackets_[run.last].raw_ns || run.first == run.last) return line_outside(run, true);
  const auto begin = brackets_.begin() + static_cast<std::ptrdiff_t>(run.first);
  const auto end = brackets_.begin() + static_cast<std::ptrdiff_t>(run.last);
  const auto next = std::upper_bound(
      begin + 1, end, raw_ns,
      [](std::int64_t searched, const ClockBracket& known) { return searched < known.raw_ns; });
  return line_at_value(run, (next - 1)->value);
}

double ClockMapping::residual_at(const Line& line, double offset_ns, const Run& run) const {
  if (line.segment) {
    const double fit_ns = fit_error_ns(run, *line.segment, offset_ns);
    return line.half_width_ns + std::max(fit_ns, 0.0);
  }
  return line.half_width_ns + std::abs(offset_ns) * line.drift;
}

// Where `raw_ns`, found on the line of one run, may lie: a run holds at most until the first
// bracket of the next one and from the last bracket of the one before.
ClockMapping::Place ClockMapping::place(const std::vector<Run>& all, std::size_t index,
                                        std::int64_t raw_ns, double residual_ns) const {
  const std::int64_t slack_ns = static_cast<std::int64_t>(std::ceil(residual_ns));
  const bool before_run = raw_ns < brackets_[all[index].first].raw_ns;
  const bool behind_run = raw_ns > brackets_[all[index].last].raw_ns;
  if (before_run && index == 0) {
    const bool close = brackets_[all[index].first].raw_ns - raw_ns <= kLongestBeforeFirstNs;
    return close ? Place::kOutside : Place::kImpossible;
  }
  if (before_run && raw_ns < brackets_[all[index - 1].last].raw_ns - slack_ns) {
    return Place::kImpossible;
  }
  if (behind_run && index + 1 == all.size()) return Place::kOutside;
  if (behind_run && raw_ns > brackets_[all[index + 1].first].raw_ns + slack_ns) {
    return Place::kImpossible;
  }
  return Place::kBetweenBrackets;
}

std::optional<ClockTime> ClockMapping::to_raw(std::int64_t value) const {
  const std::vector<Run>& all = runs();
  std::optional<ClockTime> found;  // between brackets
  std::optional<ClockTime> outside;
  for (std::size_t index = 0; index < all.size(); ++index) {
    const std::optional<Line> line = line_at_value(all[index], value);
    if (!line || line->rate <= 0) continue;
    const double offset_ns = static_cast<double>(value - line->anchor.value) / line->rate;
    const double residual_ns = residual_at(*line, offset_ns, all[index]);
    const std::int64_t raw_ns = line->anchor.raw_ns + std::llround(offset_ns);
    const Place found_place = place(all, index, raw_ns, residual_ns);
    if (found_place == Place::kImpossible) continue;
    // A counter that started again shows old values once more long after, so what lies outside
    // counts only if nothing between brackets fits, and the nearer one then.
    if (found_place == Place::kOutside) {
      if (!outside || residual_ns < outside->residual_ns) {
        outside = ClockTime{.value = raw_ns, .residual_ns = residual_ns};
      }
      continue;
    }
    if (!found) {
      found = ClockTime{.value = raw_ns, .residual_ns = residual_ns};
      continue;
    }
    const double apart_ns = std::abs(static_cast<double>(raw_ns - found->value));
    found->value += (raw_ns - found->value) / 2;
    found->residual_ns = std::max(found->residual_ns, residual_ns) + apart_ns / 2;
    found->ambiguous = true;
  }
  return found ? found : outside;
}

std::optional<ClockTime> ClockMapping::from_raw(std::int64_t raw_ns) const {
  if (brackets_.empty() || raw_ns < brackets_.front().raw_ns - kLongestBeforeFirstNs) {
    return std::nullopt;
  }
  const std::vector<Run>& all = runs();
  std::optional<ClockTime> found;
  for (std::size_t index = 0; index < all.size(); ++index) {
    const bool too_early = index > 0 && raw_ns <= brackets_[all[index - 1].last].raw_ns;
    const bool too_late =
        index + 1 < all.size() && raw_ns >= brackets_[all[index + 1].first].raw_ns;
    if (too_early || too_late) continue;
    const std::optional<Line> line = line_at_raw(all[index], raw_ns);
    if (!line) continue;
    const double offset_ns = static_cast<double>(raw_ns - line->anchor.raw_ns);
    const std::int64_t value = line->anchor.value + std::llround(offset_ns * line->rate);
    const double residual_ns = residual_at(*line, offset_ns, all[index]);
    if (!found) {
      found = ClockTime{.value = value, .residual_ns = residual_ns};
      continue;
    }
    // Between two runs either may hold; the earlier value stays, the distance is the uncertainty.
    const double apart_ns = std::abs(static_cast<double>(value - found->value)) / line->rate;
    found->residual_ns = std::max(found->residual_ns, residual_ns) + apart_ns;
    found->ambiguous = true;
  }
  return found;
}

std::optional<ClockRate> ClockMapping::rate() const {
  std::optional<ClockRate> best;
  std::int64_t longest_ns = 0;
  for (const Run& run : runs()) {
    const std::int64_t length_ns = brackets_[run.last].raw_ns - brackets_[run.first].raw_ns;
    if (length_ns <= longest_ns) continue;
    longest_ns = length_ns;
    best = calibrate_rate(brackets_[run.first], brackets_[run.last]);
  }
  return best;
}

void ClockMapping::forget_before(std::int64_t raw_ns) {
  // One bracket before the cut stays, since times just after it lie behind that bracket.
  std::size_t keep_from = 0;
  while (keep_from + 1 < brackets_.size() && brackets_[keep_from + 1].raw_ns <= raw_ns) {
    ++keep_from;
  }
  brackets_.erase(brackets_.begin(), brackets_.begin() + static_cast<std::ptrdiff_t>(keep_from));
  runs_known_ = false;
}

}  // namespace notifier
