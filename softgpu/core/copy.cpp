// SPDX-License-Identifier: MIT
#include "softgpu/core/copy.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "softgpu/core/range.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {
namespace {

struct CopyArguments {
  CopyEnd destination;
  CopyEnd source;
  std::size_t size_bytes;
};

struct FillArguments {
  CopyEnd destination;
  std::size_t size_bytes;
  unsigned char value;
};

Wave& this_wave() { return static_cast<Wave&>(*current_wave); }

/// CPU address of one end, good until the wave's next preemption point.
unsigned char* reach(CopyEnd end, std::size_t offset, Access access) {
  const std::uintptr_t address = end.address + offset;
  return reinterpret_cast<unsigned char*>(end.on_device ? this_wave().translate(address, access)
                                                        : address);
}

std::size_t bytes_to_page_end(CopyEnd end, std::size_t offset) {
  return kPageSize - (end.address + offset) % kPageSize;
}

void run_copy(const void* arguments) {
  const auto& copy = *static_cast<const CopyArguments*>(arguments);
  unsigned char piece[kPageSize];
  std::size_t done = 0;
  while (done < copy.size_bytes) {
    const std::size_t size = std::min({copy.size_bytes - done, bytes_to_page_end(copy.source, done),
                                       bytes_to_page_end(copy.destination, done)});
    // Through a buffer, since the wave may be stopped between the two translations.
    std::memcpy(piece, reach(copy.source, done, Access::kRead), size);
    std::memcpy(reach(copy.destination, done, Access::kWrite), piece, size);
    done += size;
  }
}

void run_fill(const void* arguments) {
  const auto& fill = *static_cast<const FillArguments*>(arguments);
  std::size_t done = 0;
  while (done < fill.size_bytes) {
    const std::size_t size =
        std::min(fill.size_bytes - done, bytes_to_page_end(fill.destination, done));
    std::memset(reach(fill.destination, done, Access::kWrite), fill.value, size);
    done += size;
  }
}

template <typename Arguments>
Operation make_operation(std::string name, void (*run)(const void*), const Arguments& arguments) {
  Operation operation;
  operation.name = std::move(name);
  operation.run = run;
  operation.arguments.resize(sizeof(Arguments));
  std::memcpy(operation.arguments.data(), &arguments, sizeof(Arguments));
  operation.waves = 1;
  return operation;
}

}  // namespace

Operation make_copy(std::string name, CopyEnd destination, CopyEnd source, std::size_t size_bytes) {
  return make_operation(std::move(name), run_copy, CopyArguments{destination, source, size_bytes});
}

Operation make_fill(std::string name, CopyEnd destination, unsigned char value,
                    std::size_t size_bytes) {
  return make_operation(std::move(name), run_fill, FillArguments{destination, size_bytes, value});
}

}  // namespace softgpu
