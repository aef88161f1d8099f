// SPDX-License-Identifier: MIT
#include <array>
#include <ostream>

#include "harness/pin/actor_calls.hpp"
#include "harness/pin/held_file.hpp"

namespace notifier::pin {
namespace {

using namespace actor_calls;

constexpr std::size_t kPipeBytes = 1 << 20;  // fs.pipe-max-size by default

constexpr std::size_t kLargestLongTermPin = 1 << 30;
constexpr int kBlockAndFusePin = 6008;  // block I/O pins since 6.5, FUSE since 6.8

constexpr std::string_view kDirectSource =
    "block/bio.c bio_iov_iter_get_pages or fs/fuse/file.c fuse_get_user_pages: "
    "iov_iter_extract_pages, FOLL_PIN until completion";

constexpr std::array kTable = {
    ActorRow{.name = "io_uring_fixed",
             .summary = "io_uring fixed buffer, transfers from and to a memfd",
             .source = "io_uring/rsrc.c io_sqe_buffer_register: io_pin_pages, "
                       "FOLL_WRITE | FOLL_LONGTERM",
             .hold = Hold::kPin,
             .on_all_pages = true,
             .reusable = true,
             .largest_bytes = kLargestLongTermPin,
             .make = make_io_uring_fixed},
    ActorRow{.name = "rdma",
             .summary = "RDMA memory region, reached by a queue pair connected to itself",
             .source = "drivers/infiniband/core/umem.c ib_umem_get: pin_user_pages_fast, "
                       "FOLL_LONGTERM",
             .hold = Hold::kPin,
             .on_all_pages = true,
             .largest_bytes = kLargestLongTermPin,
             .make = make_rdma},
    ActorRow{.name = "rdma_odp",
             .summary = "RDMA memory region with on-demand paging: a notifier instead of a pin",
             .source = "drivers/infiniband/core/umem_odp.c ib_umem_odp_get: "
                       "mmu_interval_notifier_insert",
             .largest_bytes = kLargestLongTermPin,
             .make = make_rdma_odp},
    ActorRow{.name = "direct_aio_held",
             .summary = "O_DIRECT by io_submit, in flight during the perturbation",
             .source = kDirectSource,
             .hold = Hold::kPin,
             .on_all_pages = true,
             .reusable = true,
             .largest_bytes = kHeldBytes,
             .expected_since = kBlockAndFusePin,
             .make = make_direct_aio_held},
    ActorRow{.name = "direct_uring_held",
             .summary = "O_DIRECT by io_uring without fixed buffers, in flight during it",
             .source = kDirectSource,
             .hold = Hold::kPin,
             .reusable = true,
             .largest_bytes = kHeldBytes,
             .expected_since = kBlockAndFusePin,
             .make = make_direct_uring_held},
    ActorRow{.name = "vmsplice",
             .summary = "pages in a pipe; who reads the pipe is the device",
             .source = "fs/splice.c iter_to_pipe: iov_iter_get_pages2, a reference each, no pin",
             .hold = Hold::kReference,
             .writes = false,
             .on_all_pages = true,
             .largest_bytes = kPipeBytes,
             .make = make_vmsplice},
    ActorRow{.name = "direct_aio",
             .summary = "O_DIRECT by io_submit on a local file, started after the perturbation",
             .source = "fs/iomap/direct-io.c iomap_dio_rw: pages are held for the transfer only",
             .reusable = true,
             .make = make_direct_aio},
    ActorRow{.name = "process_vm",
             .summary = "process_vm_writev and process_vm_readv: the control without any pin",
             .source = "mm/process_vm_access.c process_vm_rw_single_vec: pin_user_pages_remote for "
                       "the call",
             .on_all_pages = true,
             .make = make_process_vm},
};

}  // namespace

std::string_view to_string(Direction direction) {
  return direction == Direction::kDeviceWrites ? "device writes" : "device reads";
}

std::string_view to_string(Hold hold) {
  switch (hold) {
    case Hold::kPin:
      return "pin";
    case Hold::kReference:
      return "reference";
    case Hold::kNothing:
      return "nothing";
  }
  return "";
}

std::ostream& operator<<(std::ostream& out, const ActorRow& row) { return out << row.name; }

std::span<const ActorRow> actors() { return kTable; }

const ActorRow* find_actor(std::string_view name) {
  for (const ActorRow& row : kTable) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace notifier::pin
