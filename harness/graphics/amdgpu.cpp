// SPDX-License-Identifier: MIT
// libdrm_amdgpu: the calls and their order are those of IGT's tests/amdgpu/amd_basic.c
// (amdgpu_userptr_test) and lib/amdgpu/amd_command_submission.c.
#include <amdgpu.h>
#include <amdgpu_drm.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <xf86drm.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "harness/file_descriptor.hpp"
#include "harness/graphics/device.hpp"
#include "harness/graphics/sdma.hpp"

namespace notifier::graphics {
namespace {

constexpr int kFirstRenderNode = 128;  // include/drm/drm_file.h, DRM_MINOR_RENDER
constexpr int kRenderNodes = 64;
constexpr std::uint64_t kCommandBytes = 256 << 10;

void check(int result, std::string_view call) {
  if (result == 0) return;
  throw DriverError(
      fmt::format("{} failed: {}", call, std::generic_category().message(std::abs(result))));
}

/// GPU addresses of a buffer object.
class Mapping {
 public:
  Mapping(amdgpu_device_handle device, amdgpu_bo_handle buffer, std::uint64_t size_bytes)
      : buffer_(buffer), size_bytes_(size_bytes) {
    constexpr std::uint64_t kAlignment = 4096;
    check(amdgpu_va_range_alloc(device, amdgpu_gpu_va_range_general, size_bytes, kAlignment, 0,
                                &address_, &range_, 0),
          "amdgpu_va_range_alloc");
    const int result = amdgpu_bo_va_op(buffer, 0, size_bytes, address_, 0, AMDGPU_VA_OP_MAP);
    if (result != 0) amdgpu_va_range_free(range_);
    check(result, "amdgpu_bo_va_op(map)");
  }
  ~Mapping() {
    amdgpu_bo_va_op(buffer_, 0, size_bytes_, address_, 0, AMDGPU_VA_OP_UNMAP);
    amdgpu_va_range_free(range_);
    amdgpu_bo_free(buffer_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  amdgpu_bo_handle buffer() const { return buffer_; }
  std::uint64_t address() const { return address_; }
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  amdgpu_bo_handle buffer_;
  std::uint64_t size_bytes_;
  std::uint64_t address_ = 0;
  amdgpu_va_handle range_ = nullptr;
};

/// Takes over the buffer, whether or not it can be mapped.
std::unique_ptr<Mapping> map_or_free(amdgpu_device_handle device, amdgpu_bo_handle buffer,
                                     std::uint64_t size_bytes) {
  try {
    return std::make_unique<Mapping>(device, buffer, size_bytes);
  } catch (...) {
    amdgpu_bo_free(buffer);
    throw;
  }
}

class AmdgpuBuffer final : public UserBuffer {
 public:
  explicit AmdgpuBuffer(std::unique_ptr<Mapping> made) : mapping(std::move(made)) {}
  std::unique_ptr<Mapping> mapping;
};

class AmdgpuDevice final : public Device {
 public:
  explicit AmdgpuDevice(FileDescriptor node) : node_(std::move(node)) {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    check(amdgpu_device_initialize(node_.get(), &major, &minor, &device_),
          "amdgpu_device_initialize");
    try {
      prepare();
    } catch (...) {
      close();
      throw;
    }
  }
  ~AmdgpuDevice() override { close(); }

  std::string name() const override {
    const char* name = amdgpu_get_marketing_name(device_);
    return name != nullptr ? name : fmt::format("amdgpu family {}", family_);
  }

  std::unique_ptr<UserBuffer> attach(std::byte* begin, std::size_t size_bytes) override {
    amdgpu_bo_handle buffer = nullptr;
    check(amdgpu_create_bo_from_user_mem(device_, begin, size_bytes, &buffer),
          "amdgpu_create_bo_from_user_mem");
    return std::make_unique<AmdgpuBuffer>(map_or_free(device_, buffer, size_bytes));
  }

  std::uint64_t submit(UserBuffer& buffer, std::uint32_t value, std::uint32_t passes) override {
    const Mapping& user = *static_cast<AmdgpuBuffer&>(buffer).mapping;
    const std::vector<std::uint32_t> words =
        fill_packets(family_, user.address(), user.size_bytes(), value, passes);
    if (words.size() * sizeof words[0] > kCommandBytes) throw DriverError("the job is too long");
    std::copy(words.begin(), words.end(), commands_host_);

    std::array<amdgpu_bo_handle, 2> used{user.buffer(), commands_->buffer()};
    amdgpu_bo_list_handle list = nullptr;
    check(amdgpu_bo_list_create(device_, used.size(), used.data(), nullptr, &list),
          "amdgpu_bo_list_create");
    amdgpu_cs_ib_info part{};
    part.ib_mc_address = commands_->address();
    part.size = static_cast<std::uint32_t>(words.size());
    amdgpu_cs_request request{};
    request.ip_type = AMDGPU_HW_IP_DMA;
    request.number_of_ibs = 1;
    request.ibs = &part;
    request.resources = list;
    const int result = amdgpu_cs_submit(context_, 0, &request, 1);
    amdgpu_bo_list_destroy(list);
    check(result, "amdgpu_cs_submit");
    return request.seq_no;
  }

  std::uint32_t most_passes(std::size_t size_bytes) const override {
    const std::uint64_t pass_bytes = words_per_pass(size_bytes) * sizeof(std::uint32_t);
    return static_cast<std::uint32_t>(
        std::max<std::uint64_t>(1, (kCommandBytes - 64) / std::max<std::uint64_t>(1, pass_bytes)));
  }

  bool wait(std::uint64_t fence, std::uint64_t timeout_ns) override {
    amdgpu_cs_fence asked{};
    asked.context = context_;
    asked.ip_type = AMDGPU_HW_IP_DMA;
    asked.fence = fence;
    std::uint32_t expired = 0;
    check(amdgpu_cs_query_fence_status(&asked, timeout_ns, 0, &expired),
          "amdgpu_cs_query_fence_status");
    return expired != 0;
  }

 private:
  void prepare() {
    amdgpu_gpu_info info{};
    check(amdgpu_query_gpu_info(device_, &info), "amdgpu_query_gpu_info");
    family_ = info.family_id;
    if (family_ <= AMDGPU_FAMILY_SI) {
      throw DriverError("the GPU is older than GCN 2: its DMA packets have another layout");
    }
    drm_amdgpu_info_hw_ip engine{};
    check(amdgpu_query_hw_ip_info(device_, AMDGPU_HW_IP_DMA, 0, &engine),
          "amdgpu_query_hw_ip_info(DMA)");
    if (engine.available_rings == 0) throw DriverError("the GPU has no DMA ring for user jobs");
    check(amdgpu_cs_ctx_create(device_, &context_), "amdgpu_cs_ctx_create");
    make_command_buffer();
  }

  void make_command_buffer() {
    amdgpu_bo_alloc_request request{};
    request.alloc_size = kCommandBytes;
    request.phys_alignment = 4096;
    request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
    amdgpu_bo_handle buffer = nullptr;
    check(amdgpu_bo_alloc(device_, &request, &buffer), "amdgpu_bo_alloc");
    commands_ = map_or_free(device_, buffer, kCommandBytes);
    void* host = nullptr;
    check(amdgpu_bo_cpu_map(buffer, &host), "amdgpu_bo_cpu_map");
    commands_host_ = static_cast<std::uint32_t*>(host);
  }

  void close() {
    if (commands_host_ != nullptr) amdgpu_bo_cpu_unmap(commands_->buffer());
    commands_.reset();
    if (context_ != nullptr) amdgpu_cs_ctx_free(context_);
    amdgpu_device_deinitialize(device_);
  }

  FileDescriptor node_;
  amdgpu_device_handle device_ = nullptr;
  amdgpu_context_handle context_ = nullptr;
  std::uint32_t family_ = 0;
  std::unique_ptr<Mapping> commands_;
  std::uint32_t* commands_host_ = nullptr;
};

bool is_amdgpu(int node) {
  drmVersion* version = drmGetVersion(node);
  if (version == nullptr) return false;
  const bool found = std::strcmp(version->name, "amdgpu") == 0;
  drmFreeVersion(version);
  return found;
}

}  // namespace

std::unique_ptr<Device> open_amdgpu() {
  std::string refused;
  for (int number = kFirstRenderNode; number < kFirstRenderNode + kRenderNodes; ++number) {
    const std::string path = fmt::format("/dev/dri/renderD{}", number);
    FileDescriptor node(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!node.valid() && errno != ENOENT && errno != ENOTDIR) {
      refused += fmt::format("; {}: {}", path, std::generic_category().message(errno));
    }
    if (node.valid() && is_amdgpu(node.get())) {
      return std::make_unique<AmdgpuDevice>(std::move(node));
    }
  }
  throw std::runtime_error(fmt::format(
      "no render node of the amdgpu driver (/dev/dri/renderD*) can be opened{}. Needed: the amdgpu "
      "driver and the groups render and video.",
      refused));
}

}  // namespace notifier::graphics
