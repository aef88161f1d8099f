// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include "harness/pin/error.hpp"
#include "harness/pin/perturbation_calls.hpp"

namespace notifier::pin::perturbation_calls {

void fork_and_hold(Event& event) {
  event.child =
      std::make_unique<Child>(event.region->address(), event.region->used().size(), event.seed);
  event.call_ns = static_cast<double>(event.child->fork_ns());
  event.forked = true;
}

void fork_and_wait(Event& event) {
  fork_and_hold(event);
  event.child->end();
}

void unmap_after_fork(Event& event) {
  throw_if(munmap(event.region->address(), event.region->area_bytes()) != 0, "munmap");
  event.view = nullptr;
}

void fork_and_unmap(Event& event) {
  fork_and_hold(event);
  unmap_after_fork(event);
}

void fork_and_protect(Event& event) {
  fork_and_hold(event);
  for (const int rights : {PROT_READ, PROT_READ | PROT_WRITE}) {
    throw_if(mprotect(event.region->address(), event.region->area_bytes(), rights) != 0,
             "mprotect");
  }
}

void advise_dontfork(Event& event) {
  throw_if(madvise(event.region->address(), event.region->area_bytes(), MADV_DONTFORK) != 0,
           "madvise(MADV_DONTFORK)");
}

void advise_wipeonfork(Event& event) {
  throw_if(madvise(event.region->address(), event.region->area_bytes(), MADV_WIPEONFORK) != 0,
           "madvise(MADV_WIPEONFORK)");
}

}  // namespace notifier::pin::perturbation_calls
