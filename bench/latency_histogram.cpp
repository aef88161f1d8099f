// SPDX-License-Identifier: MIT
#include "bench/latency_histogram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::Metric;

constexpr int kBinsPerDecade = 5;
constexpr double kLowest_ns = 1e3;
constexpr int kDecades = 7;
constexpr double kEarly = 0.02;
constexpr double kLate = 0.10;
constexpr double kLateAtLeast_ns = 300e3;
constexpr std::int64_t kFewestEvents = 10;
constexpr int kBarColumns = 30;

constexpr const char* kHmm = "HMM retry time-out (HMM_RANGE_DEFAULT_TIMEOUT, 1000 ms) times k";
// kfd_facts §1 (restore delay), §4 (preemption time-outs); ROCm issue 6523 for k x 1000 ms.
constexpr std::array kQuanta = {
    Quantum{1e6, "1 ms", "the driver's restore delay (AMDGPU_*_RESTORE_DELAY_MS)"},
    Quantum{2e6, "2 ms", "two restore delays: the restore was put off once"},
    Quantum{4e6, "4 ms", "a timer tick at CONFIG_HZ=250"},
    Quantum{10e6, "10 ms", "a timer tick at CONFIG_HZ=100, or an eviction's round trip on KFD"},
    Quantum{1e9, "1 x 1000 ms", kHmm},
    Quantum{2e9, "2 x 1000 ms", kHmm},
    Quantum{3e9, "3 x 1000 ms", kHmm},
    Quantum{4e9, "4 x 1000 ms", "queue preemption time-out of older kernels, or HMM's times 4"},
    Quantum{5e9, "5 x 1000 ms", kHmm},
    Quantum{6e9, "6 x 1000 ms", kHmm},
    Quantum{7e9, "7 x 1000 ms", kHmm},
    Quantum{8e9, "8 x 1000 ms", kHmm},
    Quantum{9e9, "9 x 1000 ms", "queue preemption time-out, or HMM's times 9"},
};

double quantum_low_ns(const Quantum& quantum) { return quantum.duration_ns * (1 - kEarly); }
double quantum_high_ns(const Quantum& quantum) {
  const double late_ns = std::max(kLateAtLeast_ns, kLate * quantum.duration_ns);
  return quantum.duration_ns + late_ns;
}

std::vector<HistogramBin> make_bins() {
  std::vector<double> edges{0};
  for (int i = 0; i <= kBinsPerDecade * kDecades; ++i) {
    const double edge_ns = kLowest_ns * std::pow(10.0, static_cast<double>(i) / kBinsPerDecade);
    const bool inside = std::any_of(kQuanta.begin(), kQuanta.end(), [&](const Quantum& quantum) {
      return edge_ns > quantum_low_ns(quantum) && edge_ns < quantum_high_ns(quantum);
    });
    if (!inside) edges.push_back(edge_ns);
  }
  for (const Quantum& quantum : kQuanta) {
    edges.push_back(quantum_low_ns(quantum));
    edges.push_back(quantum_high_ns(quantum));
  }
  std::sort(edges.begin(), edges.end());
  std::vector<HistogramBin> bins;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    HistogramBin bin;
    bin.low_ns = edges[i];
    if (i + 1 < edges.size()) bin.high_ns = edges[i + 1];
    for (const Quantum& quantum : kQuanta) {
      if (bin.low_ns == quantum_low_ns(quantum)) bin.quantum = &quantum;
    }
    bins.push_back(bin);
  }
  return bins;
}

std::size_t bin_of(double value_ns) {
  const auto bins = histogram_bins();
  const auto above =
      std::upper_bound(bins.begin(), bins.end(), value_ns,
                       [](double value, const HistogramBin& bin) { return value < bin.low_ns; });
  return above == bins.begin() ? 0 : static_cast<std::size_t>(above - bins.begin()) - 1;
}

}  // namespace

std::span<const Quantum> known_quanta() { return kQuanta; }

std::span<const HistogramBin> histogram_bins() {
  static const std::vector<HistogramBin> bins = make_bins();
  return bins;
}

void LatencyHistogram::add(std::span<const analysis::SampleRow> samples) {
  for (const analysis::SampleRow& sample : samples) {
    const auto& stall = sample[Metric::kStall];
    if (!stall) continue;
    Count& count = counts_[bin_of(*stall)];
    ++(sample.kind == analysis::EventKind::kSham ? count.shams : count.events);
  }
}

std::int64_t LatencyHistogram::events() const {
  std::int64_t total = 0;
  for (const Count& count : counts_) total += count.events;
  return total;
}

const Quantum* LatencyHistogram::sits_on() const {
  const std::int64_t total = events();
  if (total < kFewestEvents) return nullptr;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const HistogramBin& bin = histogram_bins()[i];
    if (bin.quantum != nullptr && 2 * counts_[i].events >= total) return bin.quantum;
  }
  return nullptr;
}

std::string LatencyHistogram::describe() const {
  std::string text;
  std::int64_t most = 1;
  for (const Count& count : counts_) most = std::max(most, count.events);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const Count& count = counts_[i];
    if (count.events == 0 && count.shams == 0) continue;
    const HistogramBin& bin = histogram_bins()[i];
    const std::string range =
        bin.high_ns ? format_duration(bin.low_ns) + " to " + format_duration(bin.high_ns)
                    : "overflow, from " + format_duration(bin.low_ns);
    fmt::format_to(std::back_inserter(text), "  {:<28} {:>7} events {:>6} shams  {}{}\n", range,
                   count.events, count.shams,
                   std::string(static_cast<std::size_t>(kBarColumns * count.events / most), '#'),
                   bin.quantum != nullptr ? std::string("  <- ") + bin.quantum->name : "");
  }
  if (const Quantum* quantum = sits_on()) {
    text += fmt::format("  sits on {}: {}\n", quantum->name, quantum->meaning);
  }
  return text;
}

nlohmann::json LatencyHistogram::to_json() const {
  nlohmann::json bins = nlohmann::json::array();
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i].events == 0 && counts_[i].shams == 0) continue;
    const HistogramBin& bin = histogram_bins()[i];
    nlohmann::json high = nullptr;
    if (bin.high_ns) high = *bin.high_ns;
    bins.push_back({bin.low_ns, high, counts_[i].events, counts_[i].shams});
  }
  return bins;
}

}  // namespace notifier
