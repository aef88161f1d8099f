// SPDX-License-Identifier: MIT
#include "model.hpp"

#include <algorithm>
#include <cstdio>

#include "memory_changes.hpp"
#include "process_test.hpp"

namespace softgpu_test {

Model::Model(std::uint64_t seed, const Device& device, DriverLog& log)
    : random_(seed), device_(device), log_(log), executor_(device.job_each) {
  REQUIRE_HIP(hipStreamCreateWithFlags(&moves_, hipStreamNonBlocking));
  for (std::size_t index = 0; index < kRegions; ++index) {
    regions_[index].make(static_cast<Kind>(index % (device_.retries ? 4 : 3)));
  }
  for (const MemoryOperation& operation : memory_operations()) {
    // Rights are store_into_read_only()'s: these rows want a kernel of their own.
    if (operation.sight == Sight::kSeen && operation.make != under_kernel) {
      victims_.push_back(&operation);
    }
  }
}

void Model::step() {
  using Operation = void (Model::*)();
  struct Weighted {
    unsigned weight;
    const char* name;
    Operation operation;
  };
  static constexpr std::array<Weighted, 23> kOperations{
      {{25, "device_store", &Model::device_store},
       {25, "device_load", &Model::device_load},
       {20, "cpu_store", &Model::cpu_store},
       {20, "cpu_load", &Model::cpu_load},
       {6, "drop_pages", &Model::drop_pages},
       {2, "protect_and_back", &Model::protect_and_back},
       {2, "map_over", &Model::map_over},
       {1, "move_and_back", &Model::move_and_back},
       {1, "move_over", &Model::move_over},
       {1, "leave_behind", &Model::leave_behind},
       {1, "make_anew", &Model::make_anew},
       {1, "fork_and_hold", &Model::fork_and_hold},
       {1, "let_go", &Model::let_go},
       {2, "shrink_neighbour", &Model::shrink_neighbour},
       {2, "migrate", &Model::migrate},
       {2, "set_attribute", &Model::set_attribute},
       {1, "register_anew", &Model::register_anew},
       {4, "change_victim", &Model::change_victim},
       {1, "look_meanwhile", &Model::look_meanwhile},
       {1, "drop_meanwhile", &Model::drop_meanwhile},
       {1, "fork_meanwhile", &Model::fork_meanwhile},
       {1, "protect_meanwhile", &Model::protect_meanwhile},
       {1, "store_into_read_only", &Model::store_into_read_only}}};
  unsigned total = 0;
  for (const Weighted& each : kOperations) {
    total += each.weight;
  }
  unsigned at = below(total);
  for (const Weighted& each : kOperations) {
    if (at < each.weight) {
      last_[steps_++ % last_.size()] = each.name;
      (this->*each.operation)();
      return;
    }
    at -= each.weight;
  }
}

void Model::print_state() const {
  for (const Region& region : regions_) {
    std::printf("kind %d at pages %lx+%zx%s\n", static_cast<int>(region.kind),
                reinterpret_cast<std::uintptr_t>(region.host) / kPage, kPages,
                region.replaced ? ", replaced" : "");
  }
  for (std::size_t ago = std::min(steps_, last_.size()); ago > 0; --ago) {
    std::printf("%s\n", last_[(steps_ - ago) % last_.size()]);
  }
}

void Model::finish() {
  for (const Region& region : regions_) {
    require_on_device(region, {0, kWords});
    require_on_cpu(region, {0, kWords});
  }
  while (!snapshots_.empty()) {
    let_go();
  }
  executor_.stop();
}

Region& Model::any_userptr() {
  for (;;) {
    Region& region = any_region();
    if (region.kind == Kind::kUserptr) {
      return region;
    }
  }
}

/// Without retry faults an SVM range ends with its mapping.
Region& Model::any_region_that_survives() {
  for (;;) {
    Region& region = any_region();
    if (!region.migrates() || device_.retries) {
      return region;
    }
  }
}

Part Model::any_part(std::size_t limit) {
  const std::size_t first = below(static_cast<unsigned>(limit));
  return {first, first + 1 + below(static_cast<unsigned>(limit - first))};
}

/// Mostly one word. Long parts are what makes a fault that strikes once in 65537 accesses strike
/// some times in a run.
Part Model::any_words() {
  if (below(4) == 0) {
    return any_part(kWords);
  }
  const std::size_t word = below(kWords);
  return {word, word + 1};
}

/// Expects them from now on. Both halves are new in each, or a torn store would not be seen.
std::vector<std::uint64_t> Model::next_values(Region& region, const Part& words) {
  std::vector<std::uint64_t> values(words.size());
  for (std::uint64_t& value : values) {
    ++values_;
    value = values_ << 32 | values_;
  }
  std::copy(values.begin(), values.end(),
            region.expected.begin() + static_cast<std::ptrdiff_t>(words.first));
  return values;
}

void Model::device_store() {
  Region& region = any_region();
  const Part words = any_words();
  executor_.store(region.device_word(words.first), next_values(region, words));
}

void Model::device_load() { require_on_device(any_region(), any_words()); }

void Model::cpu_store() {
  Region& region = any_region();
  const Part words = any_words();
  const std::vector<std::uint64_t> values = next_values(region, words);
  for (std::size_t index = 0; index < values.size(); ++index) {
    __atomic_store_n(region.word(words.first + index), values[index], __ATOMIC_RELEASE);
  }
}

void Model::cpu_load() { require_on_cpu(any_region(), any_words()); }

void Model::require_on_cpu(const Region& region, const Part& words) {
  for (std::size_t word = words.first; word < words.end; ++word) {
    REQUIRE(load_word(region.word(word)) == region.expected[word]);
  }
}

void Model::require_on_device(const Region& region, const Part& words) {
  const auto seen = executor_.load(region.device_word(words.first), words.size());
  REQUIRE(std::equal(seen.begin(), seen.end(),
                     region.expected.begin() + static_cast<std::ptrdiff_t>(words.first)));
}

}  // namespace softgpu_test
