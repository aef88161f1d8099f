// SPDX-License-Identifier: MIT
// Files on their way to the device, as a model's weights (sglang PR 37720: mapped files pinned in
// place, whose mappings were dropped while kernels ran).
#include <hip/hip_runtime.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "harness/file_descriptor.hpp"
#include "harness/hip_check.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "kernels/record.hpp"

namespace notifier::perturbation_calls {
namespace {

constexpr std::size_t kShards = 4;
constexpr std::size_t kPageBytes = 4096;
// A runtime pins what is at least so large in place, and stages the rest (kfd_facts §0.3).
constexpr std::size_t kSliceBytes = 1 << 20;

/// One file, where it goes, and what a thread needs to bring it there.
class Shard {
 public:
  Shard(std::size_t size_bytes, std::uint64_t number, std::uint64_t seed)
      : size_bytes_(size_bytes),
        slice_bytes_(std::min(kSliceBytes, std::max(kPageBytes, size_bytes / 4))),
        file_(memfd_create("shard", MFD_CLOEXEC)),
        content_(size_bytes / sizeof(std::uint64_t)) {
    for (std::size_t word = 0; word < content_.size(); ++word) {
      content_[word] = make_record(kHostOwner, word, number, seed);
    }
    throw_if(!file_.valid() || write(file_.get(), content_.data(), size_bytes) !=
                                   static_cast<ssize_t>(size_bytes),
             "writing a shard file");
    HIP_CHECK(hipMalloc(&device_, size_bytes));
    HIP_CHECK(hipHostMalloc(&staging_, slice_bytes_, hipHostMallocDefault));
    HIP_CHECK(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking));
  }
  ~Shard() {
    unmap();
    if (stream_ != nullptr) HIP_CHECK_NO_THROW(hipStreamDestroy(stream_));
    if (staging_ != nullptr) HIP_CHECK_NO_THROW(hipHostFree(staging_));
    if (device_ != nullptr) HIP_CHECK_NO_THROW(hipFree(device_));
  }
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// Private and writable, as a framework maps weights: what pins it makes copies of its pages.
  void map() {
    void* mapped = mmap(nullptr, size_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_.get(), 0);
    throw_if(mapped == MAP_FAILED, "mmap of a shard file");
    mapping_ = static_cast<std::byte*>(mapped);
  }
  void unmap() {
    if (mapping_ == nullptr) return;
    throw_if(munmap(mapping_, size_bytes_) != 0, "munmap of a shard file");
    mapping_ = nullptr;
  }

  /// The mapping goes as by munmap, and until unmap() nothing else comes to its addresses. A pin
  /// outlives its mapping, and what the process maps there next, a runtime's own reservations for
  /// further pins above all, evicts it again when it goes.
  void drop_mapping() {
    throw_if(mmap(mapping_, size_bytes_, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED,
             "dropping the mapping of a shard file");
  }

  void copy_pinned() {
    for_slices([&](std::size_t offset, std::size_t length) {
      pin(offset, length);
      send(mapping_ + offset, offset, length);
    });
    // What was pinned is given back when its memory has gone.
    drop_mapping();
    for_slices(
        [&](std::size_t offset, std::size_t) { HIP_CHECK(hipHostUnregister(mapping_ + offset)); });
    unmap();
  }
  void copy_unpinned_first() {
    for_slices([&](std::size_t offset, std::size_t length) {
      pin(offset, length);
      send(mapping_ + offset, offset, length);
      HIP_CHECK(hipHostUnregister(mapping_ + offset));
    });
    unmap();
  }
  void copy_staged() {
    for_slices([&](std::size_t offset, std::size_t length) {
      std::copy_n(mapping_ + offset, length, static_cast<std::byte*>(staging_));
      send(staging_, offset, length);
    });
    unmap();
  }
  void copy_read() {
    for_slices([&](std::size_t offset, std::size_t length) {
      throw_if(pread(file_.get(), staging_, length, static_cast<off_t>(offset)) !=
                   static_cast<ssize_t>(length),
               "pread of a shard file");
      send(staging_, offset, length);
    });
  }

  /// Whether the device has what the file has.
  bool arrived() const {
    std::vector<std::uint64_t> found(content_.size());
    HIP_CHECK(hipMemcpy(found.data(), device_, size_bytes_, hipMemcpyDeviceToHost));
    return found == content_;
  }

 private:
  void for_slices(const std::function<void(std::size_t, std::size_t)>& each) const {
    for (std::size_t offset = 0; offset < size_bytes_; offset += slice_bytes_) {
      each(offset, std::min(slice_bytes_, size_bytes_ - offset));
    }
  }
  void pin(std::size_t offset, std::size_t length) {
    HIP_CHECK(hipHostRegister(mapping_ + offset, length, hipHostRegisterDefault));
  }
  void send(const void* source, std::size_t offset, std::size_t length) {
    HIP_CHECK(hipMemcpyAsync(static_cast<std::byte*>(device_) + offset, source, length,
                             hipMemcpyHostToDevice, stream_));
    HIP_CHECK(hipStreamSynchronize(stream_));
  }

  std::size_t size_bytes_;
  std::size_t slice_bytes_;
  FileDescriptor file_;
  std::vector<std::uint64_t> content_;
  std::byte* mapping_ = nullptr;
  void* device_ = nullptr;
  void* staging_ = nullptr;
  hipStream_t stream_ = nullptr;
};

using Shards = std::array<std::unique_ptr<Shard>, kShards>;

Shards& shards_of(EventContext& event) { return *static_cast<Shards*>(event.own.get()); }

/// A thread for each shard. The mappings are all made before one goes: a new one at the address of
/// one whose pins are still there would be pinned twice.
void load(EventContext& event, bool mapped, void (Shard::*copy)()) {
  Shards& shards = shards_of(event);
  std::array<std::exception_ptr, kShards> failures;
  timed(event, [&] {
    std::vector<std::thread> threads;
    for (auto& shard : shards) {
      if (mapped) shard->map();
    }
    for (std::size_t i = 0; i < kShards; ++i) {
      threads.emplace_back([&, i] {
        try {
          (shards[i].get()->*copy)();
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace

void prepare_load(EventContext& event) {
  const std::size_t shard_bytes =
      std::max(kPageBytes, event.slice_bytes / kShards / kPageBytes * kPageBytes);
  auto shards = std::make_shared<Shards>();
  std::uint64_t number = 0;
  for (auto& shard : *shards) {
    shard = std::make_unique<Shard>(shard_bytes, ++number, event.seed);
  }
  event.own = shards;
}

void perform_load_pinned(EventContext& event) { load(event, true, &Shard::copy_pinned); }

void perform_load_unpinned_first(EventContext& event) {
  load(event, true, &Shard::copy_unpinned_first);
}

void perform_load_staged(EventContext& event) { load(event, true, &Shard::copy_staged); }

void perform_load_read(EventContext& event) { load(event, false, &Shard::copy_read); }

void finish_load(EventContext& event) {
  for (const auto& shard : shards_of(event)) {
    if (!shard->arrived()) throw std::runtime_error("a shard did not arrive on the device whole");
  }
  event.own.reset();
}

}  // namespace notifier::perturbation_calls
