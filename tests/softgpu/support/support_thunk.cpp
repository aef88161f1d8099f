// SPDX-License-Identifier: MIT
// The thunk's functions without memory, and the one of the HSA runtime.
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

#include "support.hpp"

extern "C" HSAKMT_STATUS HSAKMTAPI hsaKmtOpenSMI(HSAuint32 node_id, int* fd);

namespace softgpu_test::support {
namespace {

#define REQUIRE_THUNK(call) REQUIRE((call) == HSAKMT_STATUS_SUCCESS)

std::atomic<std::uint64_t> fault_address{0};

hsa_status_t take_fault(const hsa_amd_event_t* event, void*) {
  fault_address = event->memory_fault.virtual_address;
  return HSA_STATUS_SUCCESS;
}

void open_and_close() {
  REQUIRE_THUNK(hsaKmtOpenKFD());
  REQUIRE_THUNK(hsaKmtCloseKFD());
}

constexpr std::array kRows = {
    Row{"hsaKmtOpenKFD", "starts the device", open_and_close},
    Row{"hsaKmtCloseKFD", "succeeds; the device lives as long as the process", open_and_close},
    Row{"hsaKmtGetVersion", "KFD 1.11, as Linux 6.1",
        [] {
          HsaVersionInfo version{};
          REQUIRE_THUNK(hsaKmtGetVersion(&version));
          REQUIRE(version.KernelInterfaceMajorVersion == 1 &&
                  version.KernelInterfaceMinorVersion == 11);
        }},
    Row{"hsaKmtAcquireSystemProperties", "a node for the CPU and one for each device",
        [] {
          HsaSystemProperties properties{};
          REQUIRE_THUNK(hsaKmtAcquireSystemProperties(&properties));
          REQUIRE(properties.NumNodes == 1 + kDevices);
        }},
    Row{"hsaKmtReleaseSystemProperties", "succeeds",
        [] { REQUIRE_THUNK(hsaKmtReleaseSystemProperties()); }},
    Row{"hsaKmtGetNodeProperties", "name, cores, device memory, SVM",
        [] {
          HsaNodeProperties node{};
          REQUIRE_THUNK(hsaKmtGetNodeProperties(0, &node));
          REQUIRE(node.NumCPUCores == 1 && node.NumFComputeCores == 0);
          REQUIRE_THUNK(hsaKmtGetNodeProperties(kGpuNode, &node));
          REQUIRE(node.NumFComputeCores == 4 && node.LocalMemSize == 8u << 20);
          REQUIRE(node.Capability.ui32.SVMAPISupported == 1);
          REQUIRE(hsaKmtGetNodeProperties(1 + kDevices, &node) == HSAKMT_STATUS_INVALID_NODE_UNIT);
        },
        "caches, links and engine versions are 0: there are none",
        [] {
          HsaNodeProperties node{};
          REQUIRE_THUNK(hsaKmtGetNodeProperties(kGpuNode, &node));
          REQUIRE(node.NumCaches == 0 && node.NumIOLinks == 0 && node.EngineId.Value == 0);
        }},
    Row{"hsaKmtGetClockCounters", "device clock of 100 MHz, MONOTONIC_RAW and BOOTTIME, which run",
        [] {
          HsaClockCounters first{};
          HsaClockCounters second{};
          REQUIRE_THUNK(hsaKmtGetClockCounters(kGpuNode, &first));
          do {
            REQUIRE_THUNK(hsaKmtGetClockCounters(kGpuNode, &second));
          } while (second.GPUClockCounter == first.GPUClockCounter);
          REQUIRE(second.GPUClockCounter > first.GPUClockCounter);
          REQUIRE(second.CPUClockCounter > first.CPUClockCounter);
          REQUIRE(second.SystemClockCounter > first.SystemClockCounter);
          REQUIRE(hsaKmtGetClockCounters(0, &first) == HSAKMT_STATUS_INVALID_NODE_UNIT);
        }},
    Row{"hsaKmtGetXNACKMode", "0, and 1 once it is set",
        [] {
          HSAint32 mode = -1;
          REQUIRE_THUNK(hsaKmtGetXNACKMode(&mode));
          REQUIRE(mode == 0);
          REQUIRE_THUNK(hsaKmtSetXNACKMode(1));
          REQUIRE_THUNK(hsaKmtGetXNACKMode(&mode));
          REQUIRE(mode == 1);
        }},
    Row{"hsaKmtSetXNACKMode", "system memory works then; refused once there is a queue",
        [] {
          REQUIRE_THUNK(hsaKmtSetXNACKMode(1));
          auto* word = reinterpret_cast<std::uint64_t*>(zeroed_memory(kPage));
          add(word, 5);
          REQUIRE(*word == 5);
          REQUIRE(hsaKmtSetXNACKMode(0) == HSAKMT_STATUS_ERROR);
        }},
    Row{"hsaKmtOpenSMI", "the lines of an eviction arrive",
        [] {
          int descriptor = -1;
          REQUIRE_THUNK(hsaKmtOpenSMI(kGpuNode, &descriptor));
          close(descriptor);
          DriverLog log;
          char* memory = zeroed_memory(kPage);
          register_memory(memory, kPage);
          REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
          log.wait_for("9", 1, " 1");
          log.wait_for("a", 1);
          REQUIRE(hsaKmtOpenSMI(0, &descriptor) == HSAKMT_STATUS_INVALID_NODE_UNIT);
        },
        "thermal throttling, resets, process start: these events never come",
        [] {
          DriverLog log;
          add(host_word(), 1);
          REQUIRE(log.count("2") + log.count("3") + log.count("4") + log.count("c") == 0);
        }},
    Row{"hsa_amd_register_system_event_handler", "is told the address of a device memory fault",
        [] {
          REQUIRE(hsa_amd_register_system_event_handler(take_fault, nullptr) == HSA_STATUS_SUCCESS);
          REQUIRE(hsa_amd_register_system_event_handler(take_fault, nullptr) == HSA_STATUS_ERROR);
          char* memory = zeroed_memory(kPage);
          const auto nowhere = reinterpret_cast<std::uint64_t>(memory);
          REQUIRE_HIP(launch_add(reinterpret_cast<std::uint64_t*>(memory), 1, new_stream()));
          while (fault_address == 0) {
            usleep(100);
          }
          REQUIRE(fault_address == nowhere);
          std::fflush(stdout);
          _exit(0);  // its queues stay stopped
        }},
};

}  // namespace

std::span<const Row> thunk_rows() { return kRows; }

}  // namespace softgpu_test::support
