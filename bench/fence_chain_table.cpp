// SPDX-License-Identifier: MIT
// What the fence chain's numbers say.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "analysis/statistics.hpp"
#include "bench/fence_chain.hpp"
#include "harness/format.hpp"

namespace notifier {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kNames{"neither", "a", "b", "a_and_b"};
constexpr std::array kInvalidated{Invalidated::kNeither, Invalidated::kA, Invalidated::kB,
                                  Invalidated::kBoth};
constexpr std::array kRecoveries{Recovery::kWaitForJobs, Recovery::kPreempt, Recovery::kRetryFault};

double median_of(const std::vector<double>& values) { return analysis::median(values).value_or(0); }

double largest_of(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

const FencePoint* find(std::span<const FencePoint> points, Recovery recovery, Invalidated which,
                       std::uint64_t job_ms) {
  const auto found = std::find_if(points.begin(), points.end(), [&](const FencePoint& one) {
    return one.recovery == recovery && one.invalidated == which && one.job_ms == job_ms;
  });
  return found == points.end() ? nullptr : &*found;
}

/// How much later B ends than without the call.
double delay_of_b_ns(std::span<const FencePoint> points, const FencePoint& point) {
  return median_of(point.chain_ns) - chain_without_call_ns(points, point).value_or(0);
}

/// Of the call that changes B's memory alone: A is another device's job on other memory.
std::string verdict(std::span<const FencePoint> points, Recovery recovery) {
  std::vector<const FencePoint*> calls;
  for (const FencePoint& point : points) {
    if (point.recovery == recovery && point.invalidated == Invalidated::kB &&
        !point.call_ns.empty()) {
      calls.push_back(&point);
    }
  }
  if (calls.empty()) return "";
  std::uint32_t waited = 0;
  std::size_t events = 0;
  for (const FencePoint* call : calls) {
    waited += call->ended_at_return;
    events += call->call_ns.size();
  }
  const bool unbounded = 2 * waited > events;
  return fmt::format(
      "{}: {}. In {} of {} events A and B had ended when the call on B's memory returned; with "
      "jobs of {} ms it takes {}, with jobs of {} ms {}.\n",
      to_string(recovery),
      unbounded ? "unbounded, the call lasts as long as the jobs before it, on whatever device"
                : "bounded, the call does not wait for the jobs",
      waited, events, calls.front()->job_ms, format_duration(median_of(calls.front()->call_ns)),
      calls.back()->job_ms, format_duration(median_of(calls.back()->call_ns)));
}

}  // namespace

std::string_view to_string(Invalidated invalidated) {
  return kNames[static_cast<std::size_t>(invalidated)];
}

std::vector<FencePoint> fence_points(const FenceOptions& options, Recovery recovery) {
  std::vector<FencePoint> points;
  for (const std::uint64_t job_ms : options.jobs_ms) {
    for (const Invalidated invalidated : kInvalidated) {
      FencePoint& point = points.emplace_back();
      point.recovery = recovery;
      point.invalidated = invalidated;
      point.job_ms = job_ms;
      point.size_bytes = options.size_bytes;
    }
  }
  return points;
}

std::optional<double> chain_without_call_ns(std::span<const FencePoint> points,
                                            const FencePoint& point) {
  const FencePoint* reference = find(points, point.recovery, Invalidated::kNeither, point.job_ms);
  if (reference == nullptr) return std::nullopt;
  return analysis::median(reference->chain_ns);
}

std::string to_text(const FenceDevice& device) {
  return json{{"platform", device.platform}, {"name", device.name}}.dump();
}

FenceDevice fence_device_from_text(const std::string& line) {
  try {
    const json text = json::parse(line);
    return {text.at("platform").get<std::string>(), text.at("name").get<std::string>()};
  } catch (const json::exception& error) {
    throw std::invalid_argument("no device of a fence chain: " + std::string(error.what()));
  }
}

std::string to_text(const FencePoint& point) {
  return json{{"recovery", static_cast<int>(point.recovery)},
              {"invalidated", static_cast<int>(point.invalidated)},
              {"job_ms", point.job_ms},
              {"size_bytes", point.size_bytes},
              {"skipped", point.skipped},
              {"enter_ns", point.enter_ns},
              {"call_ns", point.call_ns},
              {"chain_ns", point.chain_ns},
              {"ended_at_return", point.ended_at_return},
              {"violations", point.violations.counts},
              {"words_checked", point.words_checked}}
      .dump();
}

FencePoint fence_point_from_text(const std::string& line) {
  try {
    const json text = json::parse(line);
    FencePoint point;
    point.recovery = static_cast<Recovery>(text.at("recovery").get<int>());
    point.invalidated = static_cast<Invalidated>(text.at("invalidated").get<int>());
    text.at("job_ms").get_to(point.job_ms);
    text.at("size_bytes").get_to(point.size_bytes);
    text.at("skipped").get_to(point.skipped);
    text.at("enter_ns").get_to(point.enter_ns);
    text.at("call_ns").get_to(point.call_ns);
    text.at("chain_ns").get_to(point.chain_ns);
    text.at("ended_at_return").get_to(point.ended_at_return);
    text.at("violations").get_to(point.violations.counts);
    text.at("words_checked").get_to(point.words_checked);
    return point;
  } catch (const json::exception& error) {
    throw std::invalid_argument("no point of a fence chain: " + std::string(error.what()));
  }
}

std::string fence_chain_markdown(std::span<const FencePoint> points) {
  std::string text =
      "| recovery | memory changed | job | n | call p50 | call max | B later by | call / job | "
      "chain had ended |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n";
  for (const FencePoint& point : points) {
    if (point.call_ns.empty()) continue;
    const double job_ns = 1e6 * static_cast<double>(point.job_ms);
    text += fmt::format(
        "| {} | {} | {} ms | {} | {} | {} | {} | {:.2f} | {} |\n", to_string(point.recovery),
        to_string(point.invalidated), point.job_ms, point.call_ns.size(),
        format_duration(median_of(point.call_ns)), format_duration(largest_of(point.call_ns)),
        point.invalidated == Invalidated::kNeither ? "-"
                                                   : format_duration(delay_of_b_ns(points, point)),
        median_of(point.call_ns) / job_ns, point.ended_at_return);
  }
  text += "\n";
  for (const Recovery recovery : kRecoveries) text += verdict(points, recovery);
  return text;
}

std::string fence_chain_csv(std::span<const FencePoint> points) {
  std::string text =
      "recovery,invalidated,job_ms,events,call_p50_ns,call_max_ns,chain_p50_ns,b_delay_ns,"
      "ended_at_return,violations\r\n";
  for (const FencePoint& point : points) {
    if (point.call_ns.empty()) continue;
    text +=
        fmt::format("{},{},{},{},{:.0f},{:.0f},{:.0f},{},{},{}\r\n", to_string(point.recovery),
                    to_string(point.invalidated), point.job_ms, point.call_ns.size(),
                    median_of(point.call_ns), largest_of(point.call_ns), median_of(point.chain_ns),
                    point.invalidated == Invalidated::kNeither
                        ? ""
                        : fmt::format("{:.0f}", delay_of_b_ns(points, point)),
                    point.ended_at_return, point.violations.total());
  }
  return text;
}

}  // namespace notifier
