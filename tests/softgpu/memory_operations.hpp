// SPDX-License-Identifier: MIT
// The memory operations of Linux, what KFD hears of each and what the software GPU sees: one row
// each, with the code that does it to registered memory. docs/softgpu.md has the rows as a table.
#pragma once

#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "process_test.hpp"

namespace softgpu_test {

class DriverLog;

/// Registered memory that an operation is done to.
struct Victim {
  char* memory = nullptr;
  std::size_t size = 0;
  bool kernel_runs_on_it = false;  // only where the memory stays whole
  int file = -1;                   // behind the memory, if there is one
};

/// Thrown by make and change where this kernel does not have the operation.
struct NotSupported {
  std::string reason;
};

enum class Sight {
  kSeen,         // evicts, by the hook
  kNothingToDo,  // the device's pages stay what they are, and KFD hears nothing either
  kNotSeen,      // KFD would hear of it
};

struct MemoryOperation {
  std::string_view name;  // of the row
  std::string_view hook;  // of softgpu/core/hooks.cpp; empty: none
  Victim (*make)();
  void (*change)(Victim& victim, DriverLog& log);
  Sight sight;
  bool pages_change;  // so that the audit of page frames finds what was not seen
  std::string_view heard_by_kfd;
  std::string_view remark;
};

/// How GoogleTest names a row; it would print the bytes.
inline void PrintTo(const MemoryOperation& operation, std::ostream* out) { *out << operation.name; }

std::span<const MemoryOperation> memory_operations();

/// Called just before the change and once the device has been restored.
struct Bracket {
  void (*begin)() = [] {};
  void (*end)() = [] {};
};

/// In a process body: makes the victim, starts a kernel, does the operation, prints what was
/// noticed.
void perform_operation(std::string_view name, const Bracket& bracket = {});

/// The operation in a process of its own, beside a running kernel. The output has a line
/// "evictions=N accusations=N mismatches=N audit=STATUS".
ProcessResult run_operation(const MemoryOperation& operation, Environment environment = {});

}  // namespace softgpu_test
