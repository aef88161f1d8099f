// SPDX-License-Identifier: MIT
// Random operations on memory that CPU and device share, against a sequential model: what each word
// holds is known, whoever stored it last. One thread makes the operations one after the other, so a
// read has one right answer; where something happens while the device stores, it has two.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "memory_operations.hpp"
#include "model_region.hpp"
#include "order_executor.hpp"
#include "test_device.hpp"

namespace softgpu_test {

class Model {
 public:
  struct Device {
    bool retries = false;   // retry faults
    bool job_each = false;  // kernels must end
  };

  Model(std::uint64_t seed, const Device& device, DriverLog& log);

  void step();
  void finish();

  /// For a failure: where the regions are and what was done last.
  void print_state() const;

 private:
  static constexpr std::size_t kRegions = 8;

  /// A child that holds the memory of its fork and looks at it when it is let go.
  struct Snapshot {
    pid_t pid = -1;
    int go = -1;
  };

  /// Stores of the device that are under way.
  struct Storing {
    Region* region = nullptr;
    Part words;
    std::vector<std::uint64_t> before;

    bool may_be(const Region& other, std::size_t word, std::uint64_t seen) const {
      return &other == region && words.contains(word) && seen == before[word - words.first];
    }
  };

  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  Region& any_region() { return regions_[below(kRegions)]; }
  Region& any_userptr();
  Region& any_region_that_survives();
  Part any_part(std::size_t limit);
  Part any_words();
  std::vector<std::uint64_t> next_values(Region& region, const Part& words);

  // model.cpp: accesses, by the one side and the other
  void device_store();
  void device_load();
  void cpu_store();
  void cpu_load();
  void require_on_cpu(const Region& region, const Part& words);
  void require_on_device(const Region& region, const Part& words);

  // model_changes.cpp: what happens to the memory
  void drop_pages();
  void protect_and_back();
  void map_over();
  void move_and_back();
  void move_over();
  void leave_behind();
  void make_anew();
  void migrate();
  void set_attribute();
  void register_anew();
  void shrink_neighbour();
  void change_victim();

  // model_snapshots.cpp: forks
  void fork_and_hold();
  void let_go();
  Snapshot take_snapshot();
  void finish_snapshot(const Snapshot& snapshot);
  bool child_agrees();

  // model_meanwhile.cpp: while the device stores
  Storing begin_storing(Region& region);
  void end_storing();
  void look_meanwhile();
  void drop_meanwhile();
  void fork_meanwhile();
  void protect_meanwhile();
  void store_into_read_only();
  void require_eviction_since(std::size_t evictions);

  std::mt19937_64 random_;
  const Device device_;
  DriverLog& log_;
  std::uint64_t values_ = 0;
  std::array<const char*, 24> last_{};  // operations
  std::size_t steps_ = 0;
  std::array<Region, kRegions> regions_{};
  std::vector<Snapshot> snapshots_;
  Storing storing_;
  std::vector<const MemoryOperation*> victims_;  // that are left to be tried
  std::size_t victims_made_ = 0;
  hipStream_t moves_ = nullptr;  // the executor's kernel runs on another
  OrderExecutor executor_;
};

}  // namespace softgpu_test
