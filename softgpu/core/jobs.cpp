// SPDX-License-Identifier: MIT
// Jobs of a device that cannot save waves: a stop waits for them and holds back those that come.
#include "softgpu/core/futex.hpp"
#include "softgpu/core/report.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {

void WaveTable::wait_for_jobs(std::uint64_t limit_ns) {
  preempts_.store(false, std::memory_order_seq_cst);
  stop_limit_ns_ = limit_ns;
}

bool WaveTable::submit_job() {
  const std::uint32_t held = held_jobs_.fetch_add(1, std::memory_order_seq_cst);
  // Either this job sees the stop, or whoever stops sees the job and waits for it.
  jobs_.fetch_add(1, std::memory_order_seq_cst);
  // A job behind one that is held back must be held back, too: a stop would wait for both.
  if (preempts() || (held == 0 && !stop_requested())) {
    held_jobs_.fetch_sub(1, std::memory_order_seq_cst);
    return true;
  }
  end_job();
  return false;
}

void WaveTable::begin_held_job() {
  for (;;) {
    jobs_.fetch_add(1, std::memory_order_seq_cst);
    const std::uint32_t stops = stops_.load(std::memory_order_seq_cst);
    if (preempts() || (stops & 1) == 0) {
      held_jobs_.fetch_sub(1, std::memory_order_seq_cst);
      return;  // with preemption its waves park by themselves
    }
    end_job();
    futex_wait(stops_, stops);
  }
}

void WaveTable::end_job() {
  jobs_.fetch_sub(1, std::memory_order_seq_cst);
  acknowledge();
}

void WaveTable::preempt_from_now_on() {
  if (preempts_.exchange(true, std::memory_order_seq_cst)) {
    return;
  }
  if (stop_requested()) {
    set_attention(kAttentionPark);
  }
  acknowledge();
}

void WaveTable::fail_to_stop() const {
  const auto limit_ms = static_cast<unsigned long long>(stop_limit_ns_ / 1'000'000);
  if (preempts()) {
    fail("a wave has made no memory access for %llu ms, so its queue cannot be preempted",
         limit_ms);
  }
  fail(
      "an invalidation has waited %llu ms for a job to end (SOFTGPU_CWSR=0, "
      "SOFTGPU_WAIT_LIMIT_MS); KFD would reset the GPU here: only kernels that end by themselves "
      "can run without wave save",
      limit_ms);
}

}  // namespace softgpu
