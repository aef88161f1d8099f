// SPDX-License-Identifier: MIT
// The CPU's time-stamp counter and what else only the CPU itself can tell.
#pragma once

#include <cstdint>

namespace softgpu::kvm {

struct CounterScale;

std::uint64_t read_counter();

/// Measures the counter against CLOCK_MONOTONIC_RAW for some milliseconds. The scale defines the
/// device clock on the host's side too, so an error of the measurement is one of the clock's rate,
/// never one between host and guest.
CounterScale calibrate_counter();

/// Whether the CPU announces SVM or VMX.
bool cpu_virtualises();

}  // namespace softgpu::kvm
