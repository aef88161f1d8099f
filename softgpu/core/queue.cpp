// SPDX-License-Identifier: MIT
#include "softgpu/core/queue.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/device.hpp"
#include "softgpu/core/futex.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {

std::uint64_t Queue::submit(Operation operation) {
  // Nothing is allocated under the lock: a notifier may hold a thread that allocates, while it
  // waits for jobs that this queue has yet to start.
  std::list<Operation> submitted;
  submitted.push_back(std::move(operation));
  submitted.front().taken.reserve(submitted.front().waves);
  std::list<Operation> finished;
  const std::lock_guard lock(lock_);
  finished.swap(finished_);
  if (submitted.front().run != nullptr) {
    submitted.front().held = !device().waves().submit_job();
  }
  operations_.splice(operations_.end(), submitted);
  submitted_.notify_one();
  return ++submitted_count_;
}

bool Queue::finished(std::uint64_t position) {
  const std::lock_guard lock(lock_);
  return completed_count_ >= position;
}

std::uint64_t Queue::last_submitted() {
  const std::lock_guard lock(lock_);
  return submitted_count_;
}

bool Queue::wait(std::uint64_t position, std::uint64_t deadline_ns) {
  std::unique_lock lock(lock_);
  while (completed_count_ < position) {
    const std::uint64_t now_ns = read_clock_ns(CLOCK_MONOTONIC);
    if (now_ns >= deadline_ns) {
      return false;
    }
    const std::uint64_t wait_ns = std::min<std::uint64_t>(deadline_ns - now_ns, 1'000'000'000);
    completed_.wait_for(lock, std::chrono::nanoseconds(wait_ns));
  }
  return true;
}

std::string Queue::current_operation() {
  const std::lock_guard lock(lock_);
  if (running_ != nullptr) {
    return running_->name;
  }
  return operations_.empty() ? std::string() : operations_.front().name;
}

void Queue::close() {
  const std::lock_guard lock(lock_);
  closed_ = true;
  submitted_.notify_one();
}

void Queue::serve() {
  std::list<Operation> running;
  std::unique_lock lock(lock_);
  for (;;) {
    submitted_.wait(lock, [this] { return closed_ || !operations_.empty(); });
    if (operations_.empty()) {
      running.swap(finished_);  // freed when the lock is
      lock.unlock();
      device().queues().forget_waves_of(*this);
      return;
    }
    // From its submission to its end a job needs no allocator: fork holds the allocator's locks
    // while it is held and waits for jobs (glibc's __malloc_fork_lock_parent). Nor does the thread
    // between two jobs: whoever submits the next one frees what has ended.
    running.splice(running.begin(), operations_, operations_.begin());
    running_ = &running.front();
    lock.unlock();
    run(running.front());
    lock.lock();
    running_ = nullptr;
    finished_.splice(finished_.end(), running);
    ++completed_count_;
    completed_.notify_all();
  }
}

void Queue::run(Operation& operation) {
  for (const QueuePoint& fence : operation.fences) {
    fence.queue->wait(fence.position, UINT64_MAX);
  }
  if (operation.run != nullptr) {
    std::vector<Wave*>& waves = operation.taken;
    if (!device().queues().take_waves(operation.waves, waves)) {
      fail("no thread for %u more waves", operation.waves);
    }
    Grid grid;
    grid.run = operation.run;
    grid.arguments = operation.arguments.data();
    grid.wave_count = operation.waves;
    grid.device = device_;
    grid.waves_left.store(operation.waves, std::memory_order_relaxed);
    if (operation.held) {
      device().waves().begin_held_job();
    }
    for (std::uint32_t index = 0; index < operation.waves; ++index) {
      waves[index]->start(grid, index);
    }
    for (std::uint32_t left = operation.waves; left != 0;
         left = grid.waves_left.load(std::memory_order_acquire)) {
      futex_wait(grid.waves_left, left);
    }
    device().queues().give_back(waves);
    if (operation.audited) {
      device().auditor().audit(0, UINTPTR_MAX, UINT64_MAX);
    }
  }
  if (operation.host_work) {
    operation.host_work();
  }
}

std::shared_ptr<Queue> Queues::add(std::uint32_t device_ordinal, bool blocking) {
  auto queue = std::make_shared<Queue>(device_ordinal, blocking);
  if (!device().spawner().start_thread("softgpu-queue", [queue] { queue->serve(); })) {
    return nullptr;
  }
  const std::lock_guard lock(lock_);
  queues_.push_back(queue);
  return queue;
}

void Queues::remove(const std::shared_ptr<Queue>& queue) {
  queue->close();
  const std::lock_guard lock(lock_);
  queues_.remove(queue);
}

bool Queues::empty() {
  const std::lock_guard lock(lock_);
  return queues_.empty();
}

std::shared_ptr<Queue> Queues::null_queue(std::uint32_t device_ordinal) {
  std::shared_ptr<Queue>& null_queue = null_queues_[device_ordinal];
  {
    const std::lock_guard lock(lock_);
    if (null_queue != nullptr) {
      return null_queue;
    }
  }
  std::shared_ptr<Queue> made = add(device_ordinal, true);
  const std::lock_guard lock(lock_);
  if (null_queue == nullptr) {
    null_queue = made;
  } else if (made != nullptr) {
    made->close();
    queues_.remove(made);
  }
  return null_queue;
}

std::vector<QueuePoint> Queues::points(WaitsFor waits_for,
                                       std::optional<std::uint32_t> device_ordinal) {
  std::vector<QueuePoint> points;
  const std::lock_guard lock(lock_);
  for (const std::shared_ptr<Queue>& queue : queues_) {
    const bool wanted =
        waits_for == WaitsFor::kAllQueues ||
        (waits_for == WaitsFor::kBlockingQueues && queue->blocking()) ||
        (waits_for == WaitsFor::kNullQueue && queue == null_queues_[queue->device_ordinal()]);
    if (wanted && device_ordinal.value_or(queue->device_ordinal()) == queue->device_ordinal()) {
      points.push_back({queue, queue->last_submitted()});
    }
  }
  return points;
}

QueuePoint Queues::submit(const std::shared_ptr<Queue>& queue, Operation operation,
                          WaitsFor waits_for) {
  const std::vector<QueuePoint> others = points(waits_for, queue->device_ordinal());
  operation.fences.insert(operation.fences.end(), others.begin(), others.end());
  std::erase_if(operation.fences, [&](const QueuePoint& fence) { return fence.queue == queue; });
  if (operation.run != nullptr) {
    provide_waves(*queue, operation.waves);
  }
  const std::uint64_t position = queue->submit(std::move(operation));
  return {queue, position};
}

void Queues::wait(const QueuePoint& point, const char* call) {
  const std::uint64_t limit_ms = device().settings().wait_limit_ms;
  const std::uint64_t deadline_ns = read_clock_ns(CLOCK_MONOTONIC) + limit_ms * 1'000'000;
  if (!point.queue->wait(point.position, deadline_ns)) {
    fail("%s has waited %llu ms for %s; a GPU would hang here (SOFTGPU_WAIT_LIMIT_MS)", call,
         static_cast<unsigned long long>(limit_ms), point.queue->current_operation().c_str());
  }
}

void Queues::wait_for_device(std::uint32_t device_ordinal, const char* call) {
  for (const QueuePoint& point : points(WaitsFor::kAllQueues, device_ordinal)) {
    wait(point, call);
  }
}

void Queues::wait_for_all(const char* call) {
  for (const QueuePoint& point : points(WaitsFor::kAllQueues, std::nullopt)) {
    wait(point, call);
  }
}

std::string Queues::busy_operation() {
  for (const QueuePoint& point : points(WaitsFor::kAllQueues, std::nullopt)) {
    std::string operation = point.queue->current_operation();
    if (!operation.empty()) return operation;
  }
  return {};
}

/// Before the operation is submitted: a wave's thread is made with the allocator. Where there is no
/// room for one more, the operation finds that out.
void Queues::provide_waves(Queue& queue, std::uint32_t count) {
  const std::lock_guard making(making_lock_);
  std::size_t missing = 0;
  {
    const std::lock_guard lock(waves_lock_);
    const std::uint32_t most = std::max(queue.most_waves, count);
    waves_needed_ += most - std::exchange(queue.most_waves, most);
    missing = waves_needed_ - std::min(waves_made_, waves_needed_);
  }
  while (missing != 0 && make_wave()) {
    --missing;
  }
}

/// Under the making lock. The wave makes itself on its own thread, which is not filtered, and is
/// there when its thread has done all that allocates.
bool Queues::make_wave() {
  const auto made = std::make_shared<std::promise<Wave*>>();
  const bool started = device().spawner().start_thread("softgpu-wave", [made] {
    run_on_uncopied_stack([made] {
      Wave* wave = device().waves().add();
      made->set_value(wave);
      if (wave != nullptr) {
        wave->run_grids();
      }
    });
  });
  Wave* wave = started ? made->get_future().get() : nullptr;
  if (wave != nullptr) {
    const std::lock_guard lock(waves_lock_);
    idle_waves_.push_back(wave);
    ++waves_made_;
  }
  return wave != nullptr;
}

void Queues::forget_waves_of(const Queue& queue) {
  const std::lock_guard lock(waves_lock_);
  waves_needed_ -= queue.most_waves;
}

bool Queues::take_waves(std::uint32_t count, std::vector<Wave*>& taken) {
  const std::lock_guard lock(waves_lock_);
  if (idle_waves_.size() < count) {
    return false;
  }
  taken.assign(idle_waves_.end() - static_cast<std::ptrdiff_t>(count), idle_waves_.end());
  idle_waves_.resize(idle_waves_.size() - count);
  return true;
}

void Queues::give_back(const std::vector<Wave*>& waves) {
  const std::lock_guard lock(waves_lock_);
  idle_waves_.insert(idle_waves_.end(), waves.begin(), waves.end());
}

}  // namespace softgpu
