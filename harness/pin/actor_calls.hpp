// SPDX-License-Identifier: MIT
// The functions behind the rows of the actor table.
#pragma once

#include <memory>

#include "harness/pin/actor.hpp"

namespace notifier::pin::actor_calls {

std::unique_ptr<Actor> make_io_uring_fixed();
std::unique_ptr<Actor> make_direct_aio();
std::unique_ptr<Actor> make_direct_aio_held();
std::unique_ptr<Actor> make_direct_uring_held();
std::unique_ptr<Actor> make_rdma();
std::unique_ptr<Actor> make_rdma_odp();
std::unique_ptr<Actor> make_vmsplice();
std::unique_ptr<Actor> make_process_vm();

}  // namespace notifier::pin::actor_calls
