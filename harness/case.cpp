// SPDX-License-Identifier: MIT
#include "harness/case.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace notifier {
namespace {

template <typename Enum, std::size_t count>
using NameTable = std::array<std::pair<Enum, std::string_view>, count>;

constexpr NameTable<Memory, 6> kMemoryNames{{{Memory::kUserptr, "userptr"},
                                             {Memory::kManaged, "managed"},
                                             {Memory::kSystem, "system"},
                                             {Memory::kHost, "host"},
                                             {Memory::kVram, "vram"},
                                             {Memory::kPlain, "plain"}}};
constexpr NameTable<Backing, 16> kBackingNames{{{Backing::kAnon, "anon"},
                                                {Backing::kThp, "thp"},
                                                {Backing::kHugetlb, "hugetlb"},
                                                {Backing::kMemfd, "memfd"},
                                                {Backing::kSharedAnon, "shared_anon"},
                                                {Backing::kFilePrivate, "file_private"},
                                                {Backing::kMthp16KiB, "mthp_16KiB"},
                                                {Backing::kMthp32KiB, "mthp_32KiB"},
                                                {Backing::kMthp64KiB, "mthp_64KiB"},
                                                {Backing::kMthp128KiB, "mthp_128KiB"},
                                                {Backing::kMthp256KiB, "mthp_256KiB"},
                                                {Backing::kMthp512KiB, "mthp_512KiB"},
                                                {Backing::kMthp1MiB, "mthp_1MiB"},
                                                {Backing::kThpPte, "thp_pte"},
                                                {Backing::kThpPartUnmapped, "thp_part_unmapped"},
                                                {Backing::kThpPartShared, "thp_part_shared"}}};
constexpr NameTable<Policy, 3> kPolicyNames{{{Policy::kDefault, "default"},
                                             {Policy::kDontfork, "dontfork"},
                                             {Policy::kWipeonfork, "wipeonfork"}}};
constexpr NameTable<Recovery, 4> kRecoveryNames{{{Recovery::kPreempt, "preempt"},
                                                 {Recovery::kRetryFault, "retry_fault"},
                                                 {Recovery::kWaitForJobs, "wait_for_jobs"},
                                                 {Recovery::kNone, "none"}}};
constexpr NameTable<Context, 3> kContextNames{
    {{Context::kSmall, "small"}, {Context::kFull, "full"}, {Context::kJob5ms, "job_5ms"}}};
constexpr NameTable<MemoryPath, 6> kMemoryPathNames{{{MemoryPath::kUserptrBo, "userptr_bo"},
                                                     {MemoryPath::kSvmRange, "svm_range"},
                                                     {MemoryPath::kShared, "shared"},
                                                     {MemoryPath::kGtt, "gtt"},
                                                     {MemoryPath::kVram, "vram"},
                                                     {MemoryPath::kNoDevice, "no_device"}}};
constexpr NameTable<Touch, 4> kTouchNames{{{Touch::kKeeps, "keeps"},
                                           {Touch::kLeavesFirst, "leaves_first"},
                                           {Touch::kFatal, "fatal"},
                                           {Touch::kNotApplicable, "not_applicable"}}};

template <typename Enum, std::size_t count>
std::string_view name_of(const NameTable<Enum, count>& names, Enum value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "unknown";
}

template <typename Enum, std::size_t count>
bool parse_name(const NameTable<Enum, count>& names, std::string_view text, Enum& value) {
  for (const auto& [candidate, name] : names) {
    if (name == text) {
      value = candidate;
      return true;
    }
  }
  return false;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

struct SizeUnit {
  std::string_view suffix;
  unsigned shift;
};
constexpr std::array<SizeUnit, 4> kSizeUnits{{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}};

}  // namespace

std::string_view to_string(Memory memory) { return name_of(kMemoryNames, memory); }
std::string_view to_string(Backing backing) { return name_of(kBackingNames, backing); }
std::string_view to_string(Policy policy) { return name_of(kPolicyNames, policy); }
std::string_view to_string(Recovery recovery) { return name_of(kRecoveryNames, recovery); }
std::string_view to_string(Context context) { return name_of(kContextNames, context); }
std::string_view to_string(MemoryPath path) { return name_of(kMemoryPathNames, path); }
std::string_view to_string(Touch touch) { return name_of(kTouchNames, touch); }

std::uint64_t job_ns(Context context) { return context == Context::kJob5ms ? 5'000'000 : 0; }

std::string Case::name() const {
  return fmt::format("{}/{}/{}/{}/{}/{}/{}", to_string(memory), to_string(backing), perturbation,
                     to_string(policy), to_string(recovery), to_string(context),
                     format_size(size_bytes));
}

std::optional<Case> parse_case(std::string_view name) {
  const std::vector<std::string_view> parts = split(name, '/');
  Case parsed;
  if (parts.size() != 7 || !parse_name(kMemoryNames, parts[0], parsed.memory) ||
      !parse_name(kBackingNames, parts[1], parsed.backing) ||
      !parse_name(kPolicyNames, parts[3], parsed.policy) ||
      !parse_name(kRecoveryNames, parts[4], parsed.recovery) ||
      !parse_name(kContextNames, parts[5], parsed.context)) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> size_bytes = parse_size(parts[6]);
  if (!size_bytes) return std::nullopt;
  parsed.perturbation = std::string(parts[2]);
  parsed.size_bytes = *size_bytes;
  return parsed;
}

std::string format_size(std::uint64_t size_bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    const std::uint64_t unit_bytes = std::uint64_t{1} << unit.shift;
    if (size_bytes >= unit_bytes && size_bytes % unit_bytes == 0) {
      return fmt::format("{}{}", size_bytes >> unit.shift, unit.suffix);
    }
  }
  return "0B";
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view suffix(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  for (const SizeUnit& unit : kSizeUnits) {
    if (suffix != unit.suffix && !(suffix.empty() && unit.shift == 0)) continue;
    if (count > (std::uint64_t{1} << 63) >> unit.shift) return std::nullopt;
    return count << unit.shift;
  }
  return std::nullopt;
}

}  // namespace notifier
