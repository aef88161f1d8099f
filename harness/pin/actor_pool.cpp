// SPDX-License-Identifier: MIT
#include "harness/pin/actor_pool.hpp"

#include <utility>

namespace notifier::pin {

BorrowedActor::BorrowedActor(ActorPool& pool, const ActorRow& row) : pool_(pool), row_(row) {
  auto& idle = pool.idle_[&row];
  if (idle.empty()) {
    actor_ = row.make();
    return;
  }
  actor_ = std::move(idle.back());
  idle.pop_back();
}

BorrowedActor::~BorrowedActor() {
  if (row_.reusable) pool_.idle_[&row_].push_back(std::move(actor_));
}

}  // namespace notifier::pin
