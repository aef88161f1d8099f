// SPDX-License-Identifier: MIT
#include "kernel_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace notifier {
namespace {

constexpr std::string_view kReboot = "reset the GPU or reboot, then run without this case";

constexpr LogSignature kSignatures[] = {
    {"GPU reset begin", "", HazardKind::kGpuReset, true, "amdgpu_device_gpu_recover", kReboot},
    {"GPU reset", "succeeded", HazardKind::kGpuReset, true, "amdgpu_device_gpu_recover",
     "the GPU works again, but every process on it has lost its state"},
    {"GPU reset", "failed", HazardKind::kGpuReset, true, "amdgpu_device_gpu_recover",
     "power cycle"},
    {"amdgpu", "VRAM is lost", HazardKind::kGpuReset, true, "amdgpu_device_recover_vram", kReboot},
    {"amdgpu", "device wedged", HazardKind::kGpuReset, true, "drm_dev_wedged_event", kReboot},
    {"unsuccessful queues preemption", "", HazardKind::kPreemption, true, "unmap_queues_cpsch",
     "a GPU reset follows; check cwsr_enable"},
    {"qcm fence wait loop timeout expired", "", HazardKind::kPreemption, true,
     "amdkfd_fence_wait_timeout", "a GPU reset follows; check queue_preemption_timeout_ms"},
    {"MES", "failed to respon", HazardKind::kPreemption, true,
     "mes_v11_0_submit_pkt_and_poll_completion", "update the MES firmware; a GPU reset follows"},
    {"failed to remove hardware queue from MES", "", HazardKind::kPreemption, true,
     "remove_queue_mes", "update the MES firmware; a GPU reset follows"},
    {"MES might be in unrecoverable state", "", HazardKind::kPreemption, true, "remove_queue_mes",
     kReboot},
    {"Failed to evict process queues", "", HazardKind::kPreemption, true,
     "kfd_process_evict_queues", kReboot},
    {"Failed to quiesce KFD", "", HazardKind::kPreemption, true, "amdgpu_amdkfd_evict_userptr",
     kReboot},
    {"Failed to resume KFD", "", HazardKind::kPreemption, true,
     "amdgpu_amdkfd_restore_userptr_worker", kReboot},
    {"no-retry page fault", "", HazardKind::kMemoryFault, true, "gmc_v9_0_process_interrupt",
     "expected of a fatal case in its own worker, an error anywhere else"},
    {"retry page fault", "", HazardKind::kMemoryFault, true, "gmc_v9_0_process_interrupt",
     "expected of a fatal case in its own worker, an error anywhere else"},
    {"amdgpu", "page fault (src_id", HazardKind::kMemoryFault, true, "gmc_v10_0_process_interrupt",
     "expected of a fatal case in its own worker, an error anywhere else"},
    {"svm_range_restore_work", "hogged CPU", HazardKind::kRestoreLoop, true,
     "wq_cpu_intensive_report", "end the process; its restore never finishes (kfd_facts §0.29)"},
    {"amdgpu_amdkfd_restore_userptr_worker", "hogged CPU", HazardKind::kRestoreLoop, true,
     "wq_cpu_intensive_report", "end the process; its restore never finishes (kfd_facts §0.29)"},
    {"[amdgpu]", "hogged CPU", HazardKind::kRestoreLoop, false, "wq_cpu_intensive_report",
     "the CPU that a wave or the caller runs on may have been busy"},
    {"Freeing queue vital buffer", "", HazardKind::kVitalBuffer, true, "svm_range_unmap_from_cpu",
     "the process's queues stay stopped: end it"},
    {"exceeds resident system memory limit", "", HazardKind::kMemoryLimit, false, "svm_range_new",
     "a smaller size, or amdgpu.no_system_mem_limit=1"},
    {"BUG:", "", HazardKind::kKernelDefect, true, "lib/bug.c, mm, locking", "reboot, report it"},
    {"WARNING:", " at ", HazardKind::kKernelDefect, true, "kernel/panic.c __warn", "report it"},
    {"blocked for more than", "seconds", HazardKind::kKernelDefect, true,
     "kernel/hung_task.c check_hung_task", "a task in D state: reboot if it stays"},
    {"soft lockup", "", HazardKind::kKernelDefect, true, "kernel/watchdog.c", "reboot"},
    {"rcu: INFO:", "stall", HazardKind::kKernelDefect, true, "kernel/rcu/tree_stall.h", "reboot"},
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

std::string_view to_string(HazardKind kind) {
  switch (kind) {
    case HazardKind::kGpuReset:
      return "GPU reset";
    case HazardKind::kPreemption:
      return "failed preemption";
    case HazardKind::kMemoryFault:
      return "GPU memory fault";
    case HazardKind::kRestoreLoop:
      return "restore work hogs a CPU";
    case HazardKind::kVitalBuffer:
      return "queue buffer unmapped";
    case HazardKind::kMemoryLimit:
      return "KFD memory limit";
    case HazardKind::kKernelDefect:
      return "kernel defect";
  }
  return "";
}

std::span<const LogSignature> log_signatures() { return kSignatures; }

const LogSignature* match_signature(std::string_view text) {
  for (const LogSignature& signature : kSignatures) {
    if (contains(text, signature.text) && contains(text, signature.and_text)) return &signature;
  }
  return nullptr;
}

std::optional<KernelMessage> parse_kernel_message(std::string_view record) {
  const std::size_t semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  KernelMessage message;
  std::uint32_t priority = 0;
  const char* position = record.data();
  const char* end = record.data() + semicolon;
  const auto number = [&](auto& value) {
    const auto [next, error] = std::from_chars(position, end, value);
    const bool complete = error == std::errc() && (next == end || *next == ',');
    position = complete && next != end ? next + 1 : next;
    return complete;
  };
  if (!number(priority) || !number(message.sequence) || !number(message.time_us)) {
    return std::nullopt;
  }
  message.level = priority & 7;  // the facility is above the three bits of the level
  const std::string_view text = record.substr(semicolon + 1);
  message.text = text.substr(0, text.find('\n'));
  return message;
}

KernelLog::Opened KernelLog::open(const SystemView& view) {
  const std::string path = "/dev/kmsg";
  FileDescriptor descriptor(::open(view.locate(path).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!descriptor.valid()) {
    return {.log = nullptr, .reason = path + ": " + std::generic_category().message(errno)};
  }
  if (::lseek(descriptor.get(), 0, SEEK_END) < 0) {
    return {.log = nullptr, .reason = path + ": " + std::generic_category().message(errno)};
  }
  return {.log = std::unique_ptr<KernelLog>(new KernelLog(std::move(descriptor))), .reason = {}};
}

std::vector<KernelMessage> KernelLog::read_new() {
  std::vector<KernelMessage> messages;
  std::array<char, 16384> buffer;  // a record is at most CONSOLE_EXT_LOG_MAX (8 KiB)
  while (true) {
    const ssize_t count = ::read(descriptor_.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EPIPE)) continue;  // EPIPE: overwritten, go on
    if (count <= 0) break;
    partial_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  const std::size_t complete = partial_.rfind('\n');
  if (complete == std::string::npos) return messages;
  for (const std::string& line : split_lines(std::string_view(partial_).substr(0, complete))) {
    if (line.starts_with(' ')) continue;  // " KEY=value": device of the record before
    std::optional<KernelMessage> message = parse_kernel_message(line);
    if (!message) continue;
    if (last_sequence_ && message->sequence > *last_sequence_ + 1) {
      overwritten_ += message->sequence - *last_sequence_ - 1;
    }
    last_sequence_ = message->sequence;
    messages.push_back(std::move(*message));
  }
  partial_.erase(0, complete + 1);
  return messages;
}

}  // namespace notifier
