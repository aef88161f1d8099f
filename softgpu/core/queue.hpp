// SPDX-License-Identifier: MIT
// Queues (HIP streams): operations in order, each on its queue's own thread.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "softgpu/core/settings.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {

class Queue;

/// A point in a queue: all operations up to and with number `position`.
struct QueuePoint {
  std::shared_ptr<Queue> queue;
  std::uint64_t position = 0;
};

/// What an operation waits for besides the operations before it in its own queue; all of the same
/// device. Events reach across devices.
enum class WaitsFor {
  kNothing,         // streams with hipStreamNonBlocking
  kNullQueue,       // other streams: the null stream
  kBlockingQueues,  // the null stream: all streams without hipStreamNonBlocking
  kAllQueues,       // copies: they need what a running kernel occupies (kfd_facts §0.32)
};

struct Operation {
  std::string name;  // of the kernel or call, for messages
  std::vector<QueuePoint> fences;
  std::function<void()> host_work;               // events and markers
  void (*run)(const void* arguments) = nullptr;  // kernels and copies: runs on waves
  std::vector<unsigned char> arguments;
  std::uint32_t waves = 0;
  std::vector<Wave*> taken;  // that run it; room from the submission on
  bool held = false;         // to be begun before it runs (WaveTable::submit_job)
  bool audited = false;      // the PFN audit looks at all ranges when it has run
};

class Queue {
 public:
  Queue(std::uint32_t device, bool blocking) : device_(device), blocking_(blocking) {}

  std::uint32_t device_ordinal() const { return device_; }

  /// The most waves that one of its operations takes. Under the lock of Queues' waves.
  std::uint32_t most_waves = 0;

  bool blocking() const { return blocking_; }
  std::uint64_t submit(Operation operation);
  bool finished(std::uint64_t position);
  std::uint64_t last_submitted();

  /// Waits at most until the deadline (CLOCK_MONOTONIC ns). False: not finished.
  bool wait(std::uint64_t position, std::uint64_t deadline_ns);

  /// Name of what runs now or next; empty when idle.
  std::string current_operation();

  /// Body of the queue's thread; returns after close() when everything has run.
  void serve();
  void close();

 private:
  void run(Operation& operation);

  const std::uint32_t device_;
  const bool blocking_;
  std::mutex lock_;
  std::condition_variable submitted_;
  std::condition_variable completed_;
  std::list<Operation> operations_;
  std::list<Operation> finished_;  // to be freed
  const Operation* running_ = nullptr;
  std::uint64_t submitted_count_ = 0;
  std::uint64_t completed_count_ = 0;
  bool closed_ = false;
};

/// All queues and the waves that they share.
class Queues {
 public:
  Queues() { idle_waves_.reserve(WaveTable::kCapacity); }

  /// Makes a queue with its thread; null when the system gives none.
  std::shared_ptr<Queue> add(std::uint32_t device, bool blocking);
  void remove(const std::shared_ptr<Queue>& queue);

  bool empty();

  /// The device's null stream, made when first needed.
  std::shared_ptr<Queue> null_queue(std::uint32_t device);

  /// Puts the operation into the queue with the fences that its kind of wait asks for.
  QueuePoint submit(const std::shared_ptr<Queue>& queue, Operation operation, WaitsFor waits_for);

  /// Waits for one point, or for everything submitted so far. A wait over the limit
  /// (SOFTGPU_WAIT_LIMIT_MS) ends the process with a message naming `call` and the operation.
  void wait(const QueuePoint& point, const char* call);
  void wait_for_device(std::uint32_t device, const char* call);
  void wait_for_all(const char* call);

  /// Name of something that runs or waits in any queue; empty when all are idle.
  std::string busy_operation();

  /// Takes waves out of the pool; false when there are no more.
  bool take_waves(std::uint32_t count, std::vector<Wave*>& taken);
  void give_back(const std::vector<Wave*>& waves);

  /// The queue's thread, at its end: it takes no more waves.
  void forget_waves_of(const Queue& queue);

 private:
  std::vector<QueuePoint> points(WaitsFor waits_for, std::optional<std::uint32_t> device);
  void provide_waves(Queue& queue, std::uint32_t count);
  bool make_wave();

  std::mutex lock_;
  std::list<std::shared_ptr<Queue>> queues_;
  std::array<std::shared_ptr<Queue>, kMostDevices> null_queues_;
  std::mutex making_lock_;  // before waves_lock_, which is not held while a thread is made
  std::mutex waves_lock_;
  std::vector<Wave*> idle_waves_;  // room for all: see Queue::serve
  std::size_t waves_made_ = 0;
  std::size_t waves_needed_ = 0;  // the sum of the queues' most_waves: one operation of each runs
};

}  // namespace softgpu
