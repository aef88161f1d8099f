// SPDX-License-Identifier: MIT
#include "kernel_probe.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace notifier {
namespace {

constexpr std::string_view kEnter = "_enter";
constexpr std::string_view kLeave = "_leave";

constexpr std::array kTable = {
    KernelFunction{"kgd2kfd_quiesce_mm", "rocm", true, false,
                   "stops all queues of the process, on all its GPUs (kfd_device.c)"},
    KernelFunction{"kgd2kfd_resume_mm", "rocm", false, true,
                   "starts the queues again (kfd_device.c)"},
    KernelFunction{"svm_range_evict", "rocm", false, false,
                   "an SVM range is invalidated (kfd_svm.c)"},
    KernelFunction{"svm_range_restore_work", "rocm", false, false,
                   "looks pages of SVM ranges up again and resumes (kfd_svm.c)"},
    KernelFunction{"amdgpu_amdkfd_restore_userptr_worker", "rocm", false, false,
                   "looks pages of userptr BOs up again and resumes (amdgpu_amdkfd_gpuvm.c)"},
    KernelFunction{"kvm_mmu_notifier_invalidate_range_start", "kvm", true, false,
                   "takes the pages from the guest and flushes its TLBs (kvm_main.c)"},
    KernelFunction{"kvm_mmu_notifier_invalidate_range_end", "kvm", false, true,
                   "lets the guest's faults look pages up again (kvm_main.c)"},
    KernelFunction{"kernel_clone", "software", false, false, "fork and clone (kernel/fork.c)"},
    KernelFunction{"do_madvise", "software", false, false,
                   "madvise, which the restore worker looks pages up with (mm/madvise.c)"},
};

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "12.345678" s, the fraction being µs (trace_print_context()).
std::optional<std::int64_t> time_of(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos || text.size() - point - 1 != 6) return std::nullopt;
  const auto seconds = number_of<std::int64_t>(text.substr(0, point));
  const auto microseconds = number_of<std::int64_t>(text.substr(point + 1));
  if (!seconds || !microseconds) return std::nullopt;
  return *seconds * 1'000'000'000 + *microseconds * 1'000;
}

/// "  kworker/0:1-123   " into name and number; a name may hold blanks and dashes.
bool take_thread(std::string_view text, KernelProbeLine& line) {
  const std::size_t first = text.find_first_not_of(' ');
  const std::size_t last = text.find_last_not_of(' ');
  if (first == std::string_view::npos) return false;
  text = text.substr(first, last - first + 1);
  const std::size_t dash = text.rfind('-');
  if (dash == std::string_view::npos) return false;
  const auto thread = number_of<std::int32_t>(text.substr(dash + 1));
  if (!thread) return false;
  line.thread = *thread;
  line.thread_name = text.substr(0, dash);
  return true;
}

}  // namespace

std::span<const KernelFunction> kernel_functions() { return kTable; }

const KernelFunction* find_kernel_function(std::string_view name) {
  const auto found = std::find_if(kTable.begin(), kTable.end(),
                                  [&](const KernelFunction& row) { return row.name == name; });
  return found == kTable.end() ? nullptr : &*found;
}

std::string enter_event(std::string_view function) { return std::string(function).append(kEnter); }
std::string leave_event(std::string_view function) { return std::string(function).append(kLeave); }

// "            bench-817     [001] .....    41.123456: do_madvise_enter: (do_madvise+0x0/0x2a0)"
std::optional<KernelProbeLine> parse_kernel_probe(std::string_view text) {
  const std::size_t address = text.rfind(": (");
  if (address == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, address);
  const std::size_t name_begin = head.rfind(": ");
  if (name_begin == std::string_view::npos) return std::nullopt;
  const std::string_view event = head.substr(name_begin + 2);
  KernelProbeLine line;
  line.leaves = event.ends_with(kLeave);
  if (!line.leaves && !event.ends_with(kEnter)) return std::nullopt;
  line.function = event.substr(0, event.size() - kEnter.size());

  const std::string_view context = head.substr(0, name_begin);
  const std::size_t time_begin = context.rfind(' ');
  const std::size_t processor = context.rfind(" [");
  if (time_begin == std::string_view::npos || processor == std::string_view::npos) {
    return std::nullopt;
  }
  const auto boottime_ns = time_of(context.substr(time_begin + 1));
  if (!boottime_ns || !take_thread(context.substr(0, processor), line)) return std::nullopt;
  line.boottime_ns = *boottime_ns;
  return line;
}

std::uint64_t lost_events(std::string_view line) {
  constexpr std::string_view kLost = " [LOST ";
  const std::size_t begin = line.find(kLost);
  const std::size_t end = line.find(" EVENTS]");
  if (!line.starts_with("CPU:") || begin == std::string_view::npos ||
      end == std::string_view::npos) {
    return 0;
  }
  const std::size_t number = begin + kLost.size();
  return number_of<std::uint64_t>(line.substr(number, end - number)).value_or(0);
}

void KernelSpanPairing::add(const KernelProbeLine& line) {
  const auto entry = std::find_if(open_.begin(), open_.end(), [&](const KernelProbeLine& open) {
    return open.thread == line.thread && open.function == line.function;
  });
  if (!line.leaves) {
    if (entry == open_.end()) {
      open_.push_back(line);
    } else {
      *entry = line;
    }
    return;
  }
  if (entry == open_.end()) return;
  spans_.push_back(
      {line.function, line.thread, entry->thread_name, entry->boottime_ns, line.boottime_ns});
  open_.erase(entry);
}

std::vector<KernelSpan> KernelSpanPairing::take() {
  std::stable_sort(spans_.begin(), spans_.end(), [](const KernelSpan& a, const KernelSpan& b) {
    return a.begin_boottime_ns < b.begin_boottime_ns;
  });
  return std::exchange(spans_, {});
}

}  // namespace notifier
