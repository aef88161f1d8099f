// SPDX-License-Identifier: MIT
#include "order_executor.hpp"

#include <hip/hip_runtime.h>
#include <sched.h>

#include <new>

#include "device_primitives.hpp"
#include "process_test.hpp"
#include "test_device.hpp"

namespace softgpu_test {

/// What the kernel does next, and what came of it.
struct Order {
  std::uint64_t number;
  std::uint64_t done;
  std::uint64_t stop;
  std::uint64_t store;  // 0: load
  std::uint64_t address;
  std::uint64_t value;
};

namespace {

struct ExecutorArguments {
  Order* order;
};

constexpr std::uint64_t kIdlePolls = 16;

void execute(Order* order) {
  using namespace notifier::device;
  auto* word = reinterpret_cast<std::uint64_t*>(load(&order->address));
  if (load(&order->store) != 0) {
    store(word, load(&order->value));
  } else {
    store(&order->value, load(word));
  }
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
    store(&order->done, ++done);
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

std::uint64_t OrderExecutor::load(std::uint64_t address) {
  give(address, 0, 0);
  return load_word(&order_->value);
}

void OrderExecutor::store(std::uint64_t address, std::uint64_t value) { give(address, 1, value); }

void OrderExecutor::stop() {
  put(order_->stop, 1);
  REQUIRE_HIP(hipStreamSynchronize(stream_));
}

void OrderExecutor::give(std::uint64_t address, std::uint64_t is_store, std::uint64_t value) {
  put(order_->address, address);
  put(order_->store, is_store);
  put(order_->value, value);
  if (job_each_) {
    launch(reinterpret_cast<const void*>(&execute_order));
    REQUIRE_HIP(hipStreamSynchronize(stream_));
    return;
  }
  put(order_->number, ++given_);
  while (load_word(&order_->done) != given_) {
    sched_yield();
  }
}

}  // namespace softgpu_test
