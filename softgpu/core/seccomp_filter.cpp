// SPDX-License-Identifier: MIT
#include "softgpu/core/seccomp_filter.hpp"

#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>

#include "softgpu/core/proc_maps.hpp"

namespace softgpu {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system-call filter is not written for this CPU"
#endif

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kNotify = SECCOMP_RET_USER_NOTIF;

/// Both CPUs are little-endian: the low word of a 64-bit field comes first.
constexpr std::uint32_t low_word(std::size_t field) { return static_cast<std::uint32_t>(field); }
constexpr std::uint32_t high_word(std::size_t field) {
  return static_cast<std::uint32_t>(field + 4);
}
constexpr std::size_t argument_field(unsigned index) {
  return offsetof(seccomp_data, args) + index * sizeof(std::uint64_t);
}

class FilterBuilder {
 public:
  void load(std::uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
  void answer(std::uint32_t action) { add(BPF_RET | BPF_K, action, 0, 0); }

  /// If accumulator <operation> value does not hold, skips `instructions`.
  void skip_unless(std::uint16_t operation, std::uint32_t value, std::uint8_t instructions) {
    add(static_cast<std::uint16_t>(BPF_JMP | operation | BPF_K), value, 0, instructions);
  }
  void skip_if(std::uint16_t operation, std::uint32_t value, std::uint8_t instructions) {
    add(static_cast<std::uint16_t>(BPF_JMP | operation | BPF_K), value, instructions, 0);
  }

  std::vector<sock_filter> take() { return std::move(filter_); }

 private:
  void add(std::uint16_t code, std::uint32_t value, std::uint8_t if_true, std::uint8_t if_false) {
    filter_.push_back({.code = code, .jt = if_true, .jf = if_false, .k = value});
  }

  std::vector<sock_filter> filter_;
};

/// Allows calls made by code in [begin, end), which lies in one 4 GiB piece.
void allow_code(FilterBuilder& filter, std::uint64_t begin, std::uint64_t end) {
  constexpr std::size_t kField = offsetof(seccomp_data, instruction_pointer);
  filter.load(high_word(kField));
  filter.skip_unless(BPF_JEQ, static_cast<std::uint32_t>(begin >> 32), 4);
  filter.load(low_word(kField));
  filter.skip_unless(BPF_JGE, static_cast<std::uint32_t>(begin), 2);
  filter.skip_if(BPF_JGT, static_cast<std::uint32_t>(end - 1), 1);
  filter.answer(kAllow);
}

void allow_code(FilterBuilder& filter, const CodeRange& range) {
  constexpr std::uint64_t kPiece = 1ull << 32;
  for (std::uint64_t begin = range.begin; begin < range.end;) {
    const std::uint64_t end = std::min<std::uint64_t>(range.end, (begin / kPiece + 1) * kPiece);
    allow_code(filter, begin, end);
    begin = end;
  }
}

/// Answers `action` for each of these values of the argument, `otherwise` for all others.
template <typename Values>
void answer_by_value(FilterBuilder& filter, unsigned argument, const Values& values,
                     std::uint32_t action, std::uint32_t otherwise) {
  filter.load(low_word(argument_field(argument)));
  for (const auto value : values) {
    filter.skip_unless(BPF_JEQ, static_cast<std::uint32_t>(value), 1);
    filter.answer(action);
  }
  filter.answer(otherwise);
}

/// Notifies when some bit of `mask` in the argument is set.
void notify_if_set(FilterBuilder& filter, unsigned argument, std::uint32_t mask) {
  filter.load(low_word(argument_field(argument)));
  filter.skip_unless(BPF_JSET, mask, 1);
  filter.answer(kNotify);
  filter.answer(kAllow);
}

void decide(FilterBuilder& filter, HookFilter when) {
  switch (when) {
    case HookFilter::kAlways:
      filter.answer(kNotify);
      return;
    case HookFilter::kWithMapFixed:
      return notify_if_set(filter, 3, MAP_FIXED);
    case HookFilter::kWithShmRemap:
      return notify_if_set(filter, 2, SHM_REMAP);
    case HookFilter::kWithoutCloneVm:
      filter.load(low_word(argument_field(0)));
      filter.skip_unless(BPF_JSET, CLONE_VM, 1);
      filter.answer(kAllow);
      filter.answer(kNotify);
      return;
    case HookFilter::kWithRealAdvice:
      return answer_by_value(filter, 2, harmless_advice(), kAllow, kNotify);
    case HookFilter::kWithHoles:
      return notify_if_set(filter, 1, kFallocateHoles);
    case HookFilter::kUserfaultfd:
      return answer_by_value(filter, 1, userfaultfd_requests(), kNotify, kAllow);
  }
}

/// Number of instructions that decide() makes.
std::uint8_t decision_length(HookFilter when) {
  FilterBuilder filter;
  decide(filter, when);
  return static_cast<std::uint8_t>(filter.take().size());
}

}  // namespace

std::vector<CodeRange> sanitizer_code() {
  constexpr std::array<std::string_view, 5> kRuntimes = {"/libtsan.", "/libasan.", "/libubsan.",
                                                         "/liblsan.", "/libclang_rt."};
  std::vector<CodeRange> ranges;
  for_each_vma(0, std::numeric_limits<std::uintptr_t>::max(), [&](const Vma& vma) {
    for (const std::string_view runtime : kRuntimes) {
      if (vma.executable && vma.path.find(runtime) != std::string_view::npos) {
        ranges.push_back({vma.begin, vma.end});
      }
    }
  });
  return ranges;
}

std::vector<sock_filter> build_filter(std::span<const Hook> hooks,
                                      std::span<const CodeRange> exempt) {
  FilterBuilder filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.skip_if(BPF_JEQ, kArchitecture, 1);
  filter.answer(kAllow);  // 32-bit calls: not seen (docs/softgpu.md)
  for (const CodeRange& range : exempt) {
    allow_code(filter, range);
  }
  filter.load(offsetof(seccomp_data, nr));
  // libc falls back to clone, whose flags a filter can read.
  filter.skip_unless(BPF_JEQ, SYS_clone3, 1);
  filter.answer(SECCOMP_RET_ERRNO | ENOSYS);
  for (const Hook& hook : hooks) {
    filter.skip_unless(BPF_JEQ, static_cast<std::uint32_t>(hook.number),
                       decision_length(hook.filter));
    decide(filter, hook.filter);
  }
  filter.answer(kAllow);
  return filter.take();
}

int install_filter(std::span<const sock_filter> filter) {
  sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                     .filter = const_cast<sock_filter*>(filter.data())};
  const auto install = [&program] {
    return static_cast<int>(syscall(
        SYS_seccomp, SECCOMP_SET_MODE_FILTER,
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program));
  };
  int listener = install();
  if (listener < 0 && errno == EACCES) {
    // Only root may filter without giving up set-user-ID programs.
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    listener = install();
  }
  return listener < 0 ? -errno : listener;
}

std::string explain_filter_error(int error) {
  switch (error) {
    case EBUSY:
      return "this process was started by one that already runs a software GPU, and there can be "
             "only one seccomp listener in a process tree";
    case EINVAL:
    case ENOSYS:
      return "the kernel has no seccomp user notification with WAIT_KILLABLE_RECV (Linux 5.19 or "
             "newer, CONFIG_SECCOMP_FILTER)";
    default:
      return std::string("the kernel refuses a seccomp filter: ") + std::strerror(error);
  }
}

}  // namespace softgpu
