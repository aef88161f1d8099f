// SPDX-License-Identifier: MIT
// Actors that several cases use one after the other.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "harness/pin/actor.hpp"

namespace notifier::pin {

class ActorPool {
 public:
  /// Ends all idle actors; after a failure, for nobody knows what state they are in then.
  void clear() { idle_.clear(); }

 private:
  friend class BorrowedActor;
  std::map<const ActorRow*, std::vector<std::unique_ptr<Actor>>> idle_;
};

/// An actor for the time of a case. It goes back to the pool where its row is `reusable`.
class BorrowedActor {
 public:
  /// Throws CannotRun as the row's `make` does.
  BorrowedActor(ActorPool& pool, const ActorRow& row);
  ~BorrowedActor();
  BorrowedActor(const BorrowedActor&) = delete;
  BorrowedActor& operator=(const BorrowedActor&) = delete;

  Actor& operator*() const { return *actor_; }
  Actor* operator->() const { return actor_.get(); }

 private:
  ActorPool& pool_;
  const ActorRow& row_;
  std::unique_ptr<Actor> actor_;
};

}  // namespace notifier::pin
