// SPDX-License-Identifier: MIT
#include "order_executor.hpp"

#include <hip/hip_runtime.h>
#include <sched.h>

#include <algorithm>
#include <new>

#include "device_primitives.hpp"
#include "process_test.hpp"
#include "test_device.hpp"

namespace softgpu_test {

/// What the kernel does next, and what came of it.
struct Order {
  std::uint64_t number;
  std::uint64_t done;  // number of the last order that was carried out
  std::uint64_t stop;
  std::uint64_t store;  // 0: load
  std::uint64_t address;
  std::uint64_t words;
  std::uint64_t values[OrderExecutor::kMaximumWords];
};

namespace {

struct ExecutorArguments {
  Order* order;
};

constexpr std::uint64_t kIdlePolls = 16;

void execute(Order* order) {
  using namespace notifier::device;
  auto* words = reinterpret_cast<std::uint64_t*>(load(&order->address));
  const bool is_store = load(&order->store) != 0;
  const std::uint64_t count = load(&order->words);
  for (std::uint64_t word = 0; word < count; ++word) {
    if (is_store) {
      store(words + word, load(order->values + word));
    } else {
      store(order->values + word, load(words + word));
    }
  }
  store(&order->done, load(&order->number));
}

__global__ void execute_orders(ExecutorArguments arguments) {
  using namespace notifier::device;
  Order* order = arguments.order;
  std::uint64_t idle = 0;
  for (std::uint64_t done = 0; load_acquire(&order->stop) == 0;) {
    if (load_acquire(&order->number) == done) {
      clock_ticks();  // may be stopped here
      if (++idle % kIdlePolls == 0) {
        sched_yield();  // or the wave takes the CPU from whoever makes the operations
      }
      continue;
    }
    execute(order);
    ++done;
  }
}
NOTIFIER_KERNEL(execute_orders, ExecutorArguments)

__global__ void execute_order(ExecutorArguments arguments) { execute(arguments.order); }
NOTIFIER_KERNEL(execute_order, ExecutorArguments)

void put(std::uint64_t& word, std::uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

}  // namespace

OrderExecutor::OrderExecutor(bool job_each) : job_each_(job_each) {
  void* memory = nullptr;
  REQUIRE_HIP(hipHostMalloc(&memory, sizeof(Order), hipHostMallocDefault));
  order_ = new (memory) Order{};
  REQUIRE_HIP(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking));
  if (!job_each_) {
    launch(reinterpret_cast<const void*>(&execute_orders));
  }
}

void OrderExecutor::launch(const void* kernel) {
  ExecutorArguments arguments{order_};
  void* parameters[] = {&arguments};
  REQUIRE_HIP(hipLaunchKernel(kernel, dim3(1), dim3(1), parameters, 0, stream_));
}

std::uint64_t OrderExecutor::load(std::uint64_t address) { return load(address, 1).front(); }

void OrderExecutor::store(std::uint64_t address, std::uint64_t value) {
  store(address, std::span(&value, 1));
}

std::vector<std::uint64_t> OrderExecutor::load(std::uint64_t address, std::size_t words) {
  begin(address, words, false);
  wait();
  std::vector<std::uint64_t> values(words);
  std::transform(order_->values, order_->values + words, values.begin(),
                 [](const std::uint64_t& word) { return load_word(&word); });
  return values;
}

void OrderExecutor::store(std::uint64_t address, std::span<const std::uint64_t> values) {
  begin_store(address, values);
  wait();
}

void OrderExecutor::begin_store(std::uint64_t address, std::span<const std::uint64_t> values) {
  REQUIRE(values.size() <= kMaximumWords);
  for (std::size_t word = 0; word < values.size(); ++word) {
    put(order_->values[word], values[word]);
  }
  begin(address, values.size(), true);
}

bool OrderExecutor::is_done() const { return load_word(&order_->done) == given_; }

void OrderExecutor::wait() {
  if (job_each_) {
    REQUIRE_HIP(hipStreamSynchronize(stream_));
    return;
  }
  while (!is_done()) {
    sched_yield();
  }
}

void OrderExecutor::stop() {
  put(order_->stop, 1);
  REQUIRE_HIP(hipStreamSynchronize(stream_));
}

void OrderExecutor::begin(std::uint64_t address, std::size_t words, bool is_store) {
  put(order_->address, address);
  put(order_->words, words);
  put(order_->store, is_store ? 1 : 0);
  put(order_->number, ++given_);
  if (job_each_) {
    launch(reinterpret_cast<const void*>(&execute_order));
  }
}

}  // namespace softgpu_test
