// SPDX-License-Identifier: MIT
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "model.hpp"
#include "process_test.hpp"

namespace softgpu_test {
namespace {

/// By either of the two calls that do it.
void change_rights(const Region& region, bool with_key, int rights) {
  REQUIRE((with_key ? syscall(SYS_pkey_mprotect, region.host, kBytes, rights, -1)
                    : mprotect(region.host, kBytes, rights)) == 0);
}

std::vector<std::uint64_t> words_of(const Region& region, const Part& words) {
  std::vector<std::uint64_t> values(words.size());
  for (std::size_t index = 0; index < values.size(); ++index) {
    values[index] = load_word(region.word(words.first + index));
  }
  return values;
}

}  // namespace

Model::Storing Model::begin_storing(Region& region) {
  const Part words = any_part(kWords);
  const auto first = region.expected.begin() + static_cast<std::ptrdiff_t>(words.first);
  Storing storing{&region, words, {first, first + static_cast<std::ptrdiff_t>(words.size())}};
  executor_.begin_store(region.device_word(words.first), next_values(region, words));
  return storing;
}

void Model::end_storing() {
  executor_.wait();
  storing_ = {};
}

void Model::require_eviction_since(std::size_t evictions) { REQUIRE(log_.count("9") > evictions); }

/// A word is the old one or the new one, the old one never comes back, and none is left out.
void Model::look_meanwhile() {
  Region& region = any_region();
  storing_ = begin_storing(region);
  const Part words = storing_.words;
  std::vector<bool> arrived(words.size(), false);
  for (bool last = false; !last;) {
    last = executor_.is_done();
    for (std::size_t index = 0; index < words.size(); ++index) {
      const std::uint64_t seen = load_word(region.word(words.first + index));
      const bool is_new = seen == region.expected[words.first + index];
      REQUIRE(is_new || (seen == storing_.before[index] && !arrived[index] && !last));
      arrived[index] = is_new;
    }
    sched_yield();
  }
  end_storing();
}

/// A word of a dropped page is zero or, if it was stored afterwards, new; both sides agree on it.
void Model::drop_meanwhile() {
  Region& region = any_region();
  const Part pages = any_part(kPages);
  const Part dropped = pages.words_of_pages();
  storing_ = begin_storing(region);
  const Part stored = storing_.words;
  REQUIRE(madvise(region.page(pages.first), pages.size() * kPage, MADV_DONTNEED) == 0);
  end_storing();
  for (std::size_t word = dropped.first; word < dropped.end; ++word) {
    const std::uint64_t seen = load_word(region.word(word));
    REQUIRE(seen == 0 || (stored.contains(word) && seen == region.expected[word]));
    region.expected[word] = seen;
  }
  require_on_device(region, {0, kWords});
  require_on_cpu(region, {0, kWords});
}

/// What the child has of the stores stays what it was: they go on in the parent's pages.
void Model::fork_meanwhile() {
  storing_ = begin_storing(any_region());
  const Snapshot snapshot = take_snapshot();
  end_storing();
  finish_snapshot(snapshot);
}

/// A userptr BO's queues stop until the right to write has come back (kfd_facts §1). Nothing
/// changes in the meantime.
void Model::protect_meanwhile() {
  Region& region = any_userptr();
  const bool with_key = below(2) == 0;
  storing_ = begin_storing(region);
  change_rights(region, with_key, PROT_READ);
  const std::vector<std::uint64_t> seen = words_of(region, {0, kWords});
  sched_yield();
  REQUIRE(words_of(region, {0, kWords}) == seen);
  change_rights(region, with_key, PROT_READ | PROT_WRITE);
  end_storing();
  require_on_cpu(region, {0, kWords});
}

/// The same where the stores come once the memory is read-only, and wait for a restore that has
/// failed at least once.
void Model::store_into_read_only() {
  Region& region = any_userptr();
  const bool with_key = below(2) == 0;
  require_on_device(region, {0, 1});  // queues run
  const std::size_t evictions = log_.count("9");
  change_rights(region, with_key, PROT_READ);
  require_eviction_since(evictions);
  storing_ = begin_storing(region);
  log_.wait_for("a", log_.count("a", " R") + 1, " R");
  REQUIRE(!executor_.is_done());
  REQUIRE(words_of(region, storing_.words) == storing_.before);
  change_rights(region, with_key, PROT_READ | PROT_WRITE);
  end_storing();
  require_on_cpu(region, {0, kWords});
}

}  // namespace softgpu_test
