// SPDX-License-Identifier: MIT
// SOFTGPU_ENGINE=kvm: a wave is a vCPU, and the kernel keeps the device's page tables.
#include "softgpu/core/engine.hpp"

#include <pthread.h>
#include <signal.h>

#include <cstring>
#include <mutex>

#include "softgpu/core/device.hpp"
#include "softgpu/core/report.hpp"
#include "softgpu/kvm/guest_image.hpp"
#include "softgpu/kvm/machine.hpp"
#include "softgpu/kvm/stale_plant.hpp"
#include "softgpu/kvm/vcpu.hpp"

namespace softgpu {
namespace kvm {
namespace {

// Ends a vCPU's turn in the guest; blocked everywhere else. glibc keeps the first real-time
// signals.
int wake_signal() { return SIGRTMIN + 7; }

class KvmEngine final : public Engine {
 public:
  KvmEngine(std::unique_ptr<Machine> machine, Plant plant)
      : machine_(std::move(machine)), stale_(*machine_, plant == Plant::kStale) {}

  std::string add(const Range& range) override;
  void remove(const Range& range) override;
  std::string load(Operation& operation, const char* kernel_name) override;
  void stop_for_good() override;
  std::uint64_t clock_ticks() const override { return machine_->clock_ticks(); }
  const char* device_name() const override {
    return machine_->emulates() ? "softgpu-kvm (emulated)" : "softgpu-kvm";
  }

  /// On a wave's thread.
  void run(const Launch& launch);

 private:
  struct Member {
    std::unique_ptr<Vcpu> vcpu;
    pthread_t thread;
  };

  Vcpu& vcpu_of_this_thread();

  std::unique_ptr<Machine> machine_;
  StalePage stale_;
  std::mutex lock_;
  std::vector<Member> members_;
  bool stopped_ = false;
};

/// What an operation's arguments hold: this, then the kernel's own.
struct PackedLaunch {
  KvmEngine* engine;
  std::uint64_t entry;
  std::size_t arguments_bytes;
};

void run_packed(const void* arguments) {
  PackedLaunch packed;
  std::memcpy(&packed, arguments, sizeof(packed));
  packed.engine->run({.entry = packed.entry,
                      .arguments = static_cast<const unsigned char*>(arguments) + sizeof(packed),
                      .arguments_bytes = packed.arguments_bytes,
                      .wave_index = current_wave->wave_index,
                      .wave_count = current_wave->wave_count});
}

void let_wake_signal_through() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(wake_signal(), &action, nullptr);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, wake_signal());
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

std::string KvmEngine::add(const Range& range) {
  std::string problem =
      machine_->add_memory(range.host_begin, range.page_count * kPageSize, range.device_begin);
  if (problem.empty()) {
    stale_.watch(range);
  }
  return problem;
}

void KvmEngine::remove(const Range& range) {
  stale_.forget(range);
  machine_->remove_memory(range.device_begin, range.page_count * kPageSize);
}

std::string KvmEngine::load(Operation& operation, const char* kernel_name) {
  const std::uint64_t entry = find_guest_kernel(guest_image(), kernel_name);
  if (entry == 0) {
    return std::string("kernel ") + kernel_name + " is not compiled for a virtual machine";
  }
  if (operation.arguments.size() > kArgumentsBytes) {
    return std::string("kernel ") + kernel_name + " has too large arguments for a virtual machine";
  }
  stale_.plant();
  const PackedLaunch packed = {this, entry, operation.arguments.size()};
  const auto* bytes = reinterpret_cast<const unsigned char*>(&packed);
  operation.arguments.insert(operation.arguments.begin(), bytes, bytes + sizeof(packed));
  operation.run = run_packed;
  return {};
}

Vcpu& KvmEngine::vcpu_of_this_thread() {
  static thread_local Vcpu* own = nullptr;
  if (own == nullptr) {
    let_wake_signal_through();
    const std::lock_guard lock(lock_);
    std::string problem;
    auto made = Vcpu::make(*machine_, static_cast<std::uint32_t>(members_.size()), problem);
    if (made == nullptr) {
      fail("no vCPU for a wave: %s", problem.c_str());
    }
    own = made.get();
    members_.push_back({std::move(made), pthread_self()});
    if (stopped_) {
      own->stop();
    }
  }
  return *own;
}

void KvmEngine::run(const Launch& launch) {
  Wave& wave = static_cast<Wave&>(*current_wave);
  const auto fault = vcpu_of_this_thread().run(launch, [&wave] { wave.attend(); });
  if (!fault) {
    return;
  }
  bool mapped = false;
  for_each_vma(fault->address, fault->address + 1,
               [&](const Vma& mapping) { mapped = mapping.readable; });
  device().raise_memory_fault(wave,
                              {.device_address = fault->address,
                               .access = fault->is_write ? Access::kWrite : Access::kRead,
                               .reason = mapped && fault->is_write ? TranslationFault::kReadOnly
                                                                   : TranslationFault::kNotMapped});
}

void KvmEngine::stop_for_good() {
  const std::lock_guard lock(lock_);
  stopped_ = true;
  for (Member& member : members_) {
    member.vcpu->stop();
    pthread_kill(member.thread, wake_signal());
  }
}

}  // namespace
}  // namespace kvm

std::unique_ptr<Engine> make_engine(const Settings& settings, std::string& problem) {
  if (settings.engine != EngineKind::kKvm) {
    return nullptr;
  }
  const kvm::MachineOptions options = {.slot_limit = settings.kvm_slots};
  std::unique_ptr<kvm::Machine> machine = kvm::Machine::make(kvm::guest_image(), options, problem);
  if (machine == nullptr) {
    problem = "SOFTGPU_ENGINE=kvm: " + problem;
    return nullptr;
  }
  return std::make_unique<kvm::KvmEngine>(std::move(machine), settings.plant);
}

}  // namespace softgpu
