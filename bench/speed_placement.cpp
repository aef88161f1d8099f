// SPDX-License-Identifier: MIT
#include "bench/speed_placement.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>

namespace notifier {
namespace {

/// As the process was started; the first call must come before any placement.
const cpu_set_t& cpus_of_process() {
  static const cpu_set_t cpus = [] {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof(allowed), &allowed);
    return allowed;
  }();
  return cpus;
}

int first_cpu() {
  int cpu = 0;
  while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &cpus_of_process())) {
    ++cpu;
  }
  return cpu;
}

}  // namespace

CallerPlacement::CallerPlacement() : before_(cpus_of_process()) { place_on_first(0); }

CallerPlacement::~CallerPlacement() { sched_setaffinity(0, sizeof(before_), &before_); }

void place_on_first(pid_t thread) {
  if (CPU_COUNT(&cpus_of_process()) > 1) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first_cpu(), &one);
    sched_setaffinity(thread, sizeof(one), &one);
  }
}

void place_apart(pid_t thread) {
  cpu_set_t others = cpus_of_process();
  if (CPU_COUNT(&others) > 1) {
    CPU_CLR(first_cpu(), &others);
    sched_setaffinity(thread, sizeof(others), &others);
  }
}

void place_anywhere(pid_t thread) {
  sched_setaffinity(thread, sizeof(cpu_set_t), &cpus_of_process());
}

std::vector<pid_t> threads_named(const char* name) {
  std::vector<pid_t> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(entry.path() / "comm");
    std::string comm;
    pid_t thread = 0;
    const std::string number = entry.path().filename().string();
    std::from_chars(number.data(), number.data() + number.size(), thread);
    if (std::getline(in, comm) && comm == name) threads.push_back(thread);
  }
  return threads;
}

}  // namespace notifier
