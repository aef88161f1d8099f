// SPDX-License-Identifier: MIT
// In the place of actor_rdma.cpp where the build found no libibverbs.
#include "harness/pin/actor_calls.hpp"
#include "harness/pin/error.hpp"

namespace notifier::pin::actor_calls {
namespace {

constexpr const char* kReason =
    "built without libibverbs (Debian: libibverbs-dev, then configure "
    "again)";

}  // namespace

std::unique_ptr<Actor> make_rdma() { throw CannotRun(kReason); }
std::unique_ptr<Actor> make_rdma_odp() { throw CannotRun(kReason); }

}  // namespace notifier::pin::actor_calls
