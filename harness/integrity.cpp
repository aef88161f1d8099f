// SPDX-License-Identifier: MIT
#include "harness/integrity.hpp"

#include <numeric>

#include "kernels/record.hpp"

namespace notifier {
namespace {

// Epochs are 24 bits and wrap: a distance below half the range counts as "not older".
constexpr std::uint64_t kHalfEpochRange = (kEpochMask + 1) / 2;

bool newer_than(std::uint64_t epoch, std::uint64_t limit) {
  const std::uint64_t ahead = (epoch - limit) & kEpochMask;
  return ahead != 0 && ahead < kHalfEpochRange;
}

bool hash_matches(std::uint64_t record, std::uint64_t word_index, std::uint64_t seed) {
  return record == make_record(record_owner(record), word_index, record_epoch(record), seed);
}

}  // namespace

std::string_view to_string(ViolationClass violation_class) {
  constexpr std::array<std::string_view, kViolationClasses> kNames{
      "stale", "torn", "lost", "foreign", "zero", "protocol", "missed"};
  return kNames[static_cast<std::size_t>(violation_class)];
}

std::uint64_t ViolationCounts::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

ViolationCounts& ViolationCounts::operator+=(const ViolationCounts& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  return *this;
}

ViolationClass classify_device_view(std::uint64_t observed, std::uint64_t expected,
                                    std::uint64_t word_index, const RecordIdentity& identity) {
  if (observed == 0) return ViolationClass::kZero;
  if (!hash_matches(observed, word_index, identity.seed)) return ViolationClass::kTorn;
  const std::uint32_t owner = record_owner(observed);
  if (owner != identity.owner && owner != kHostOwner) return ViolationClass::kForeign;
  // The host's fresh record is missing: the device looks at a page from before the reset.
  if (record_owner(expected) == kHostOwner) return ViolationClass::kStale;
  if (owner == kHostOwner) return ViolationClass::kLost;
  // A record from the future of this lane: another mapping's write arrived here.
  if (newer_than(record_epoch(observed), record_epoch(expected))) return ViolationClass::kForeign;
  return ViolationClass::kLost;
}

std::optional<ViolationClass> classify_host_view(std::uint64_t observed, std::uint64_t word_index,
                                                 const RecordIdentity& identity,
                                                 const PassWindow& window,
                                                 bool host_records_remain) {
  if (observed == 0) return ViolationClass::kZero;
  if (!hash_matches(observed, word_index, identity.seed)) return ViolationClass::kTorn;
  const std::uint32_t owner = record_owner(observed);
  if (owner == kHostOwner) {
    if (host_records_remain) return std::nullopt;
    return ViolationClass::kStale;
  }
  if (owner != identity.owner) return ViolationClass::kForeign;
  const std::uint64_t epoch = record_epoch(observed);
  // Pass p writes slot p mod 8, so each slot is at most seven passes behind the completed one.
  const std::uint64_t oldest =
      window.completed_before < kWordsPerLine ? 0 : window.completed_before - (kWordsPerLine - 1);
  if (newer_than(oldest & kEpochMask, epoch)) {
    return host_records_remain ? std::nullopt : std::optional(ViolationClass::kStale);
  }
  if (newer_than(epoch, (window.completed_after + 1) & kEpochMask)) {
    return ViolationClass::kForeign;
  }
  return std::nullopt;
}

void fill_with_host_records(std::uint64_t* words, std::uint64_t begin, std::uint64_t end,
                            std::uint64_t epoch, std::uint64_t seed) {
  for (std::uint64_t i = begin; i < end; ++i) {
    __atomic_store_n(&words[i], make_record(kHostOwner, i, epoch, seed), __ATOMIC_RELAXED);
  }
}

std::uint64_t scan_child_copy(const std::uint64_t* slice, std::uint64_t begin_word,
                              std::uint64_t count, const RecordIdentity& identity,
                              std::uint64_t newest_epoch, ChildFindings& findings) {
  std::uint64_t digest = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t observed = __atomic_load_n(&slice[i], __ATOMIC_RELAXED);
    const std::uint64_t word_index = begin_word + i;
    digest = (digest ^ observed) * 0x100000001B3ull;
    if (observed == 0) {
      findings.add(findings.zero, word_index, observed);
    } else if (!hash_matches(observed, word_index, identity.seed)) {
      findings.add(findings.torn, word_index, observed);
    } else if (record_owner(observed) != kHostOwner &&
               (record_owner(observed) != identity.owner ||
                newer_than(record_epoch(observed), newest_epoch & kEpochMask))) {
      findings.add(findings.foreign, word_index, observed);
    }
  }
  findings.words_checked += count;
  return digest;
}

}  // namespace notifier
