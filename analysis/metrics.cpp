// SPDX-License-Identifier: MIT
#include "analysis/metrics.hpp"

#include <array>

namespace notifier::analysis {
namespace {

constexpr std::array kTable = {
    MetricInfo{Metric::kSyscall, "syscall_ns", "ns", Better::kLower, Clocks::kOne, 3,
               "duration of the perturbing, or else the timed, call on the CPU, notifier included"},
    MetricInfo{Metric::kStall, "stall_ns", "ns", Better::kLower, Clocks::kOne, 2,
               "longest gap in the progress of any wave, by the device's own clock"},
    MetricInfo{Metric::kStallMedianWave, "stall_median_wave_ns", "ns", Better::kLower, Clocks::kOne,
               0, "median over the waves of each wave's longest gap"},
    MetricInfo{Metric::kStallTotal, "stall_total_ns", "ns", Better::kLower, Clocks::kOne, 0,
               "sum of the gaps above the threshold, of the wave that lost most"},
    MetricInfo{Metric::kGaps, "gaps", "count", Better::kLower, Clocks::kNone, 0,
               "number of gaps above the threshold, of the wave that had most"},
    MetricInfo{Metric::kCallToEvict, "call_to_evict_ns", "ns", Better::kLower, Clocks::kSeveral, 0,
               "from entering the call to the eviction event of the stall"},
    MetricInfo{Metric::kEvictToStop, "evict_to_stop_ns", "ns", Better::kLower, Clocks::kSeveral, 0,
               "from that event to the last progress of the wave that stood longest"},
    MetricInfo{Metric::kStopToRestore, "stop_to_restore_ns", "ns", Better::kLower, Clocks::kSeveral,
               0, "from that last progress to the driver's restore event"},
    MetricInfo{Metric::kNotifier, "notifier_ns", "ns", Better::kLower, Clocks::kSeveral, 0,
               "part of the stall: from that progress until the notifier let the call go on"},
    MetricInfo{Metric::kRestoreDelay, "restore_delay_ns", "ns", Better::kLower, Clocks::kSeveral, 0,
               "part of the stall: from there to the restore work's begin; the driver's delay, and "
               "the change itself"},
    MetricInfo{Metric::kRevalidation, "revalidation_ns", "ns", Better::kLower, Clocks::kSeveral, 0,
               "part of the stall: from there to the restore event; pages are looked up, copies on "
               "write broken"},
    MetricInfo{Metric::kRestoreToProgress, "restore_to_progress_ns", "ns", Better::kLower,
               Clocks::kSeveral, 0,
               "from the restore event to the first progress of the wave that stood longest"},
    MetricInfo{Metric::kDriverStall, "driver_stall_ns", "ns", Better::kNone, Clocks::kOne, 0,
               "the same stop by the driver's stamps (softgpu): first wave parked to last resumed"},
    MetricInfo{Metric::kPreempt, "preempt_ns", "ns", Better::kLower, Clocks::kOne, 0,
               "time in the kernel functions that stop the device (--kprobes); softgpu_speed: from "
               "the request until the wave is parked"},
    MetricInfo{Metric::kFault, "fault_ns", "ns", Better::kLower, Clocks::kOne, 5,
               "sum of the service times of the device's retry faults"},
    MetricInfo{Metric::kFaults, "faults", "count", Better::kLower, Clocks::kNone, 0,
               "number of retry faults that the driver served"},
    MetricInfo{Metric::kCallToFault, "call_to_fault_ns", "ns", Better::kNone, Clocks::kOne, 1,
               "from entering the call to the runtime's report of the fatal fault that it caused"},
    MetricInfo{Metric::kMigrate, "migrate_ns", "ns", Better::kLower, Clocks::kOne, 6,
               "sum of the durations of migrations, by driver events"},
    MetricInfo{Metric::kPagesMigrated, "pages_migrated", "pages", Better::kNone, Clocks::kNone, 0,
               "pages that the driver's migration events name"},
    MetricInfo{Metric::kMinorFaults, "minor_faults", "count", Better::kLower, Clocks::kNone, 0,
               "page faults without I/O of the process in the window, copies on write among them"},
    MetricInfo{Metric::kFirstWrite, "first_write_ns", "ns", Better::kLower, Clocks::kOne, 4,
               "first CPU write to a page after the event, where the case has a CPU writer"},
    MetricInfo{Metric::kDrain, "drain_ns", "ns", Better::kLower, Clocks::kOne, 0,
               "wait for the end of the finite kernel before the call (application_drain)"},
    MetricInfo{Metric::kBystanderQueueStall, "bystander_queue_stall_ns", "ns", Better::kLower,
               Clocks::kOne, 0,
               "longest gap of a second queue of the process, which took no part (--bystanders)"},
    MetricInfo{Metric::kBystanderDeviceStall, "bystander_device_stall_ns", "ns", Better::kLower,
               Clocks::kOne, 0,
               "longest gap of a queue of the process on a second device (--bystanders)"},
    MetricInfo{Metric::kBystanderDeviceEvictions, "bystander_device_evictions", "count",
               Better::kLower, Clocks::kNone, 0,
               "evictions of the process's queues on the second device, by its driver's events"},
    MetricInfo{Metric::kBystanderProcessStall, "bystander_process_stall_ns", "ns", Better::kLower,
               Clocks::kOne, 0,
               "longest gap of a second process's queue on the same device (--bystanders)"},
    MetricInfo{Metric::kBystanderProcessEvictions, "bystander_process_evictions", "count",
               Better::kLower, Clocks::kNone, 0,
               "evictions of the second process's queues, by the driver's events for it"},
    MetricInfo{Metric::kTimerLate, "timer_late_ns", "ns", Better::kLower, Clocks::kOne, 0,
               "worst lateness of a thread of the process that wants to run each 200 us "
               "(--bystanders)"},
    MetricInfo{
        Metric::kWorkLost, "work_lost_ns", "ns", Better::kLower, Clocks::kOne, 0,
        "progress missing against the unperturbed rate, as time, of the wave that lost most"},
    MetricInfo{Metric::kIteration, "iteration_ns", "ns", Better::kLower, Clocks::kOne, 7,
               "unperturbed duration of one workload iteration, job or access, by calibration"},
    MetricInfo{Metric::kStallFloor, "stall_floor_ns", "ns", Better::kNone, Clocks::kOne, 0,
               "false-stall floor of the run: high quantile of stall_ns over its sham events"},
    MetricInfo{Metric::kRegister, "register_ns", "ns", Better::kLower, Clocks::kOne, 0,
               "duration of making the memory known to the device"},
    MetricInfo{
        Metric::kContextBytes, "context_bytes", "B", Better::kNone, Clocks::kNone, 0,
        "what the kernel's waves hold and a preemption saves, by the kernel's attributes; not "
        "measured"},
};

constexpr bool table_follows_enumeration() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (index_of(kTable[i].metric) != i) return false;
  }
  return kTable.size() == kMetricCount;
}
static_assert(table_follows_enumeration());

}  // namespace

std::span<const MetricInfo> all_metrics() { return kTable; }

std::span<const MetricInfo> event_metrics() { return all_metrics().first(kEventMetricCount); }

const MetricInfo& info(Metric metric) { return kTable[index_of(metric)]; }

std::optional<Metric> find_metric(std::string_view name) {
  for (const MetricInfo& row : kTable) {
    if (row.name == name) return row.metric;
  }
  return std::nullopt;
}

bool may_be_negative(std::string_view name) {
  const std::optional<Metric> metric = find_metric(name);
  return metric && info(*metric).clocks == Clocks::kSeveral;
}

}  // namespace notifier::analysis
