// SPDX-License-Identifier: MIT
// RDMA: a memory region of the verbs, reached by a queue pair that is connected to itself. Pinned
// for long (drivers/infiniband/core/umem.c), or not at all but with an MMU notifier (on-demand
// paging, umem_odp.c). A software device will do: rxe on any network interface.
#include <fmt/format.h>
#include <infiniband/verbs.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "harness/pin/actor_calls.hpp"
#include "harness/pin/error.hpp"
#include "harness/pin/memlock.hpp"
#include "harness/pin/region.hpp"

namespace notifier::pin::actor_calls {
namespace {

constexpr std::uint8_t kPort = 1;
constexpr int kAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;

template <auto kDestroy>
struct Destroy {
  template <typename Object>
  void operator()(Object* object) const {
    kDestroy(object);
  }
};
using Context = std::unique_ptr<ibv_context, Destroy<ibv_close_device>>;
using Domain = std::unique_ptr<ibv_pd, Destroy<ibv_dealloc_pd>>;
using Memory = std::unique_ptr<ibv_mr, Destroy<ibv_dereg_mr>>;
using CompletionQueue = std::unique_ptr<ibv_cq, Destroy<ibv_destroy_cq>>;
using QueuePair = std::unique_ptr<ibv_qp, Destroy<ibv_destroy_qp>>;

Context open_first_device() {
  if (access("/sys/class/infiniband", F_OK) != 0) {
    throw CannotRun("the kernel has no RDMA (CONFIG_INFINIBAND, CONFIG_INFINIBAND_USER_ACCESS)");
  }
  int count = 0;
  ibv_device** devices = ibv_get_device_list(&count);
  Context context(count > 0 ? ibv_open_device(devices[0]) : nullptr);
  const int error = errno;
  if (devices != nullptr) ibv_free_device_list(devices);
  if (count == 0) {
    throw CannotRun(
        "no RDMA device; a software one will do, as root: rdma link add rxe0 type rxe netdev <the "
        "network interface> (CONFIG_RDMA_RXE)");
  }
  if (context == nullptr) {
    throw CannotRun(fmt::format("the RDMA device cannot be opened: {}", std::strerror(error)));
  }
  return context;
}

/// Index of a GID that is not all zeros; a RoCE address always has one.
std::uint8_t find_gid(ibv_context* context, ibv_gid& gid) {
  const ibv_gid none{};
  for (int index = 0; index < 16; ++index) {
    if (ibv_query_gid(context, kPort, index, &gid) == 0 &&
        std::memcmp(&gid, &none, sizeof(gid)) != 0) {
      return static_cast<std::uint8_t>(index);
    }
  }
  throw CannotRun("the RDMA device has no address (GID): its network interface needs one");
}

void change(ibv_qp* pair, ibv_qp_attr& attributes, int mask) {
  errno = ibv_modify_qp(pair, &attributes, mask | IBV_QP_STATE);
  throw_if(errno != 0, "ibv_modify_qp");
}

/// Reset, initialised, ready to receive, ready to send: connected to itself.
void connect_to_itself(ibv_context* context, ibv_qp* pair) {
  ibv_gid gid{};
  const std::uint8_t gid_index = find_gid(context, gid);
  ibv_port_attr port{};
  throw_if(ibv_query_port(context, kPort, &port) != 0, "ibv_query_port");

  ibv_qp_attr attributes{};
  attributes.qp_state = IBV_QPS_INIT;
  attributes.port_num = kPort;
  attributes.qp_access_flags = kAccess;
  change(pair, attributes, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);

  attributes = {};
  attributes.qp_state = IBV_QPS_RTR;
  attributes.path_mtu = port.active_mtu;
  attributes.dest_qp_num = pair->qp_num;
  attributes.max_dest_rd_atomic = 1;
  attributes.min_rnr_timer = 12;
  attributes.ah_attr.is_global = 1;
  attributes.ah_attr.grh.dgid = gid;
  attributes.ah_attr.grh.sgid_index = gid_index;
  attributes.ah_attr.grh.hop_limit = 1;
  attributes.ah_attr.port_num = kPort;
  attributes.ah_attr.dlid = port.lid;
  change(pair, attributes,
         IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
             IBV_QP_MIN_RNR_TIMER);

  attributes = {};
  attributes.qp_state = IBV_QPS_RTS;
  attributes.timeout = 14;  // 4.096 µs * 2^14 = 67 ms
  attributes.retry_cnt = 7;
  attributes.rnr_retry = 7;
  attributes.max_rd_atomic = 1;
  change(pair, attributes,
         IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
             IBV_QP_MAX_QP_RD_ATOMIC);
}

class RdmaRegion : public Actor {
 public:
  explicit RdmaRegion(bool on_demand)
      : on_demand_(on_demand), staging_({}), context_(open_first_device()) {
    if (on_demand) require_on_demand_paging();
    // The copy of a child must not cost anything, and the pages of ours must stay.
    throw_if(madvise(staging_.address(), kUsedBytes, MADV_DONTFORK) != 0, "madvise(MADV_DONTFORK)");
    domain_.reset(ibv_alloc_pd(context_.get()));
    throw_if(domain_ == nullptr, "ibv_alloc_pd");
    staging_memory_ = register_memory(staging_.used(), kAccess);
  }

  // A device that only reads asks for no more than that: the pin is one without FOLL_WRITE.
  void attach(std::span<std::byte> memory, Direction direction) override {
    detach();
    target_ = memory;
    const int rights = direction == Direction::kDeviceReads ? IBV_ACCESS_REMOTE_READ : kAccess;
    target_memory_ = register_memory(memory, rights | (on_demand_ ? IBV_ACCESS_ON_DEMAND : 0));
  }

  int write(std::span<const std::byte> data) override {
    std::memcpy(staging_.address(), data.data(), data.size());
    return transfer(IBV_WR_RDMA_WRITE, data.size());
  }

  int read(std::span<std::byte> data) override {
    const int error = transfer(IBV_WR_RDMA_READ, data.size());
    if (error == 0) std::memcpy(data.data(), staging_.address(), data.size());
    return error;
  }

  void detach() override {
    pair_.reset();
    queue_.reset();
    target_memory_.reset();
  }

  bool reads_back() const override { return true; }
  std::string path() const override { return ibv_get_device_name(context_->device); }

 private:
  void require_on_demand_paging() {
    ibv_device_attr_ex attributes{};
    const bool known = ibv_query_device_ex(context_.get(), nullptr, &attributes) == 0;
    constexpr std::uint32_t kNeeded = IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ;
    if (known && (attributes.odp_caps.general_caps & IBV_ODP_SUPPORT) != 0 &&
        (attributes.odp_caps.per_transport_caps.rc_odp_caps & kNeeded) == kNeeded) {
      return;
    }
    throw CannotRun(fmt::format(
        "{} has no on-demand paging (CONFIG_INFINIBAND_ON_DEMAND_PAGING; rxe since Linux 6.15)",
        path()));
  }

  Memory register_memory(std::span<std::byte> memory, int access) {
    Memory registered(ibv_reg_mr(domain_.get(), memory.data(), memory.size(), access));
    if (registered == nullptr && errno == ENOMEM) {
      throw CannotRun(describe_memlock_refusal(memory.size()));
    }
    throw_if(registered == nullptr, "ibv_reg_mr");
    return registered;
  }

  // Not part of taking hold, so it waits for the first transfer. After an error a pair is dead.
  void connect() {
    if (pair_ != nullptr) return;
    queue_.reset(ibv_create_cq(context_.get(), 4, nullptr, nullptr, 0));
    throw_if(queue_ == nullptr, "ibv_create_cq");
    ibv_qp_init_attr wanted{};
    wanted.send_cq = queue_.get();
    wanted.recv_cq = queue_.get();
    wanted.qp_type = IBV_QPT_RC;
    wanted.cap = {.max_send_wr = 4,
                  .max_recv_wr = 1,
                  .max_send_sge = 1,
                  .max_recv_sge = 1,
                  .max_inline_data = 0};
    pair_.reset(ibv_create_qp(domain_.get(), &wanted));
    throw_if(pair_ == nullptr, "ibv_create_qp");
    connect_to_itself(context_.get(), pair_.get());
  }

  int transfer(ibv_wr_opcode opcode, std::size_t bytes) {
    connect();
    ibv_sge local{reinterpret_cast<std::uint64_t>(staging_.address()),
                  static_cast<std::uint32_t>(bytes), staging_memory_->lkey};
    ibv_send_wr request{};
    request.sg_list = &local;
    request.num_sge = 1;
    request.opcode = opcode;
    request.send_flags = IBV_SEND_SIGNALED;
    request.wr.rdma.remote_addr = reinterpret_cast<std::uint64_t>(target_.data());
    request.wr.rdma.rkey = target_memory_->rkey;
    ibv_send_wr* refused = nullptr;
    errno = ibv_post_send(pair_.get(), &request, &refused);
    throw_if(errno != 0, "ibv_post_send");
    ibv_wc completion{};
    int count = 0;
    // Ends at the latest when the retries are used up.
    while ((count = ibv_poll_cq(queue_.get(), 1, &completion)) == 0) sched_yield();
    throw_if(count < 0, "ibv_poll_cq");
    if (completion.status == IBV_WC_SUCCESS) return 0;
    pair_.reset();
    return error_of(completion.status);
  }

  // The pair is its own remote side: where that refuses, it may flush the one request (rxe) before
  // the refusal has come back.
  static int error_of(ibv_wc_status status) {
    if (status == IBV_WC_REM_ACCESS_ERR || status == IBV_WC_REM_OP_ERR ||
        status == IBV_WC_WR_FLUSH_ERR) {
      return EFAULT;
    }
    throw std::runtime_error(fmt::format("RDMA completion: {}", ibv_wc_status_str(status)));
  }

  bool on_demand_;
  Region staging_;
  std::span<std::byte> target_;
  Context context_;
  Domain domain_;
  Memory staging_memory_;
  Memory target_memory_;
  CompletionQueue queue_;
  QueuePair pair_;
};

}  // namespace

std::unique_ptr<Actor> make_rdma() { return std::make_unique<RdmaRegion>(false); }
std::unique_ptr<Actor> make_rdma_odp() { return std::make_unique<RdmaRegion>(true); }

}  // namespace notifier::pin::actor_calls
