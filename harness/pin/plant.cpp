// SPDX-License-Identifier: MIT
#include "harness/pin/plant.hpp"

#include <fmt/format.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "harness/pin/error.hpp"
#include "harness/pin/event.hpp"

namespace notifier::pin {
namespace {

constexpr std::size_t kHalf = kUsedBytes / 2;

enum class Fault : std::uint8_t {
  kWriteIntoCopy,   // the device has a page of its own
  kWriteIntoChild,  // the device writes into the child's memory only
  kWriteIntoBoth,   // the process's and one word of the child's
  kWriteHalf,       // the second half of the data is dropped
  kTearWord,        // one word of the data is half old, half new
  kReadOldCopy,     // the device reads what was there when it took hold
  kReadFromChild,   // the device reads the child's memory
  kReadHalf,        // the second half is what was there before
  kReadNothing,     // the device reads zeros
  kFail,            // EFAULT
};

struct Plant {
  std::string_view name;
  Fault fault;
  Direction direction;
  Outcome expected;
};

constexpr std::array kPlants = {
    Plant{"write_into_copy", Fault::kWriteIntoCopy, Direction::kDeviceWrites, Outcome::kOrphan},
    Plant{"write_into_child", Fault::kWriteIntoChild, Direction::kDeviceWrites,
          Outcome::kReachesChild},
    Plant{"write_into_both", Fault::kWriteIntoBoth, Direction::kDeviceWrites,
          Outcome::kReachesChild},
    Plant{"write_half", Fault::kWriteHalf, Direction::kDeviceWrites, Outcome::kMixed},
    Plant{"tear_word", Fault::kTearWord, Direction::kDeviceWrites, Outcome::kTorn},
    Plant{"read_old_copy", Fault::kReadOldCopy, Direction::kDeviceReads, Outcome::kOrphan},
    Plant{"read_from_child", Fault::kReadFromChild, Direction::kDeviceReads,
          Outcome::kReachesChild},
    Plant{"read_half", Fault::kReadHalf, Direction::kDeviceReads, Outcome::kMixed},
    Plant{"fail", Fault::kFail, Direction::kDeviceWrites, Outcome::kFault},
};

class FaultyActor : public Actor {
 public:
  explicit FaultyActor(Fault fault) : fault_(fault) {}

  void attach(std::span<std::byte> memory, Direction /*direction*/) override {
    memory_ = memory;
    own_.assign(memory.begin(), memory.end());
  }

  int write(std::span<const std::byte> data) override {
    switch (fault_) {
      case Fault::kWriteIntoCopy:
        own_.assign(data.begin(), data.end());
        return 0;
      case Fault::kWriteIntoChild:
        return into_child(data);
      case Fault::kWriteIntoBoth:
        std::memcpy(memory_.data(), data.data(), data.size());
        return into_child(data.first(sizeof(std::uint64_t)));
      case Fault::kWriteHalf:
        std::memcpy(memory_.data(), data.data(), kHalf);
        return 0;
      case Fault::kTearWord:
        std::memcpy(memory_.data(), data.data(), data.size());
        memory_[0] ^= std::byte{0xFF};
        return 0;
      default:
        return EFAULT;
    }
  }

  int read(std::span<std::byte> data) override {
    switch (fault_) {
      case Fault::kReadOldCopy:
        std::memcpy(data.data(), own_.data(), data.size());
        return 0;
      case Fault::kReadFromChild: {
        const iovec local{data.data(), data.size()};
        const iovec remote{memory_.data(), data.size()};
        return process_vm_readv(child_, &local, 1, &remote, 1, 0) < 0 ? errno : 0;
      }
      case Fault::kReadHalf:
        std::memcpy(data.data(), memory_.data(), kHalf);
        std::memcpy(data.data() + kHalf, own_.data() + kHalf, data.size() - kHalf);
        return 0;
      case Fault::kReadNothing:
        std::memset(data.data(), 0, data.size());
        return 0;
      default:
        return EFAULT;
    }
  }

  void detach() override {}
  void forked(pid_t child) override { child_ = child; }

 private:
  int into_child(std::span<const std::byte> data) const {
    const iovec local{const_cast<std::byte*>(data.data()), data.size()};
    const iovec remote{memory_.data(), data.size()};
    return process_vm_writev(child_, &local, 1, &remote, 1, 0) < 0 ? errno : 0;
  }

  Fault fault_;
  std::span<std::byte> memory_;
  std::vector<std::byte> own_;
  pid_t child_ = -1;
};

PlantOutcome run_plant(const Plant& plant, std::uint64_t seed) {
  PlantOutcome result;
  result.planted = plant.name;
  result.expected = plant.expected;
  try {
    FaultyActor actor(plant.fault);
    // The child has to have written, or its data could not be told from the process's.
    const PerturbationRow& row = *find_perturbation("fork_child_write", "default");
    const EventResult event = run_event(actor, row, plant.direction, Backing::kAnon, seed);
    result.found = to_string(event.outcome);
    result.caught = event.outcome == plant.expected;
  } catch (const std::exception& error) {
    result.found = error.what();
  }
  return result;
}

Fault loss(const PerturbationRow& row, Direction direction) {
  if (direction == Direction::kDeviceWrites) return Fault::kWriteIntoCopy;
  // Where the process may not write there is nothing newer than the old copy.
  return row.undo != nullptr ? Fault::kReadNothing : Fault::kReadOldCopy;
}

PlantOutcome run_loss(const PerturbationRow& row, Direction direction, std::uint64_t seed) {
  PlantOutcome result;
  result.planted = fmt::format("{}/{}, {}", row.name, row.policy, to_string(direction));
  try {
    FaultyActor actor(loss(row, direction));
    const EventResult event = run_event(actor, row, direction, Backing::kAnon, seed);
    result.found = to_string(event.outcome);
    result.caught = event.outcome != Outcome::kCoherent;
  } catch (const std::exception& error) {
    result.found = error.what();
  }
  return result;
}

}  // namespace

std::vector<PlantOutcome> run_plants(std::uint64_t seed) {
  std::vector<PlantOutcome> outcomes;
  for (const Plant& plant : kPlants) outcomes.push_back(run_plant(plant, seed));
  return outcomes;
}

std::vector<PlantOutcome> run_losses(std::uint64_t seed) {
  std::vector<PlantOutcome> outcomes;
  for (const PerturbationRow& row : perturbations()) {
    if (row.whole_machine || (row.cannot_run != nullptr && !row.cannot_run().empty())) continue;
    for (const Direction direction : {Direction::kDeviceWrites, Direction::kDeviceReads}) {
      outcomes.push_back(run_loss(row, direction, seed));
    }
  }
  return outcomes;
}

}  // namespace notifier::pin
