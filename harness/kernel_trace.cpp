// SPDX-License-Identifier: MIT
#include "kernel_trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace notifier {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGroupPrefix = "notifier_bench_";
constexpr const char* kBufferKib = "1024";  // per CPU; about 10 000 events

/// One write(2): tracefs takes each as one command. Returns an error number.
int write_command(const fs::path& file, std::string_view text, int flags = O_WRONLY) {
  const FileDescriptor descriptor(open(file.c_str(), flags | O_CLOEXEC));
  if (descriptor.get() < 0) return errno;
  const ssize_t written = write(descriptor.get(), text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

std::string message_of(int error) { return std::generic_category().message(error); }

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Takes the instance and the probes of `group` away, as far as they are there.
void remove_group(const fs::path& tracefs, const std::string& group) {
  const fs::path instance = tracefs / "instances" / group;
  write_command(instance / "events" / group / "enable", "0");
  rmdir(instance.c_str());
  // "p:GROUP/EVENT function"
  for (const std::string& line : lines_of(tracefs / "kprobe_events")) {
    const std::size_t begin = line.find(':');
    if (begin == std::string::npos || line.compare(begin + 1, group.size() + 1, group + "/") != 0) {
      continue;
    }
    const std::string event = line.substr(begin + 1, line.find(' ') - begin - 1);
    write_command(tracefs / "kprobe_events", "-:" + event, O_WRONLY | O_APPEND);
  }
}

void remove_leftovers(const fs::path& tracefs) {
  std::error_code ignored;
  std::vector<std::string> dead;
  for (const auto& entry : fs::directory_iterator(tracefs / "instances", ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kGroupPrefix)) continue;
    pid_t owner = 0;
    const char* const end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kGroupPrefix.size(), end, owner);
    if (parsed.ptr == end && kill(owner, 0) != 0 && errno == ESRCH) dead.push_back(name);
  }
  for (const std::string& name : dead) remove_group(tracefs, name);
}

}  // namespace

fs::path find_tracefs() {
  const fs::path place = "/sys/kernel/tracing";
  if (!fs::exists(place)) {
    throw std::runtime_error(
        "this kernel has no tracefs (CONFIG_FTRACE); --kprobes needs one built with "
        "CONFIG_KPROBE_EVENTS, as distributions' are");
  }
  if (geteuid() != 0) throw std::runtime_error("only root may set kprobes");
  // Both are empty where it is not mounted.
  if (!fs::exists(place / "trace_clock") &&
      mount("tracefs", place.c_str(), "tracefs", 0, nullptr) != 0) {
    throw std::runtime_error("tracefs cannot be mounted at " + place.string() + ": " +
                             message_of(errno));
  }
  if (!fs::exists(place / "kprobe_events")) {
    throw std::runtime_error((place / "kprobe_events").string() +
                             " is missing: this kernel was built without CONFIG_KPROBE_EVENTS");
  }
  return place;
}

KernelProbes::KernelProbes(fs::path tracefs, std::string_view platform)
    : tracefs_(std::move(tracefs)),
      group_(fmt::format("{}{}", kGroupPrefix, getpid())),
      instance_(tracefs_ / "instances" / group_) {
  remove_leftovers(tracefs_);
  std::error_code error;
  fs::create_directory(instance_, error);
  if (error) {
    throw std::runtime_error("no tracefs instance " + instance_.string() + ": " + error.message());
  }
  for (const KernelFunction& function : kernel_functions()) {
    if (function.platform == platform) probe(function.name);
  }
  // The clock of the driver's events, so that both are correlated in one way.
  int failed = write_command(instance_ / "trace_clock", "boot");
  if (failed == 0) failed = write_command(instance_ / "buffer_size_kb", kBufferKib);
  if (failed == 0 && !functions_.empty()) {
    failed = write_command(instance_ / "events" / group_ / "enable", "1");
  }
  if (failed != 0 || functions_.empty()) {
    remove_group(tracefs_, group_);
    const std::string reason =
        failed != 0 ? "cannot be switched on: " + message_of(failed)
                    : fmt::format("fit none of the functions of platform {} ({})", platform,
                                  absent_.empty() ? "there are none" : absent_.front());
    throw std::runtime_error("kprobes " + reason);
  }
}

KernelProbes::~KernelProbes() { remove_group(tracefs_, group_); }

void KernelProbes::probe(std::string_view function) {
  const std::string enter = fmt::format("p:{}/{} {}", group_, enter_event(function), function);
  const std::string leave = fmt::format("r:{}/{} {}", group_, leave_event(function), function);
  const fs::path file = tracefs_ / "kprobe_events";
  int failed = write_command(file, enter, O_WRONLY | O_APPEND);
  if (failed == 0) failed = write_command(file, leave, O_WRONLY | O_APPEND);
  if (failed == 0) {
    functions_.emplace_back(function);
  } else {
    absent_.push_back(fmt::format("{}: {}", function, message_of(failed)));
  }
}

std::uint64_t KernelProbes::missed() const {
  // "  EVENT   hits   misses", of all groups; in newer kernels "GROUP/EVENT".
  std::uint64_t missed = 0;
  for (const std::string& line : lines_of(tracefs_ / "kprobe_profile")) {
    std::istringstream words(line);
    std::string event;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    words >> event >> hits >> misses;
    for (const std::string& function : functions_) {
      if (event.ends_with(enter_event(function)) || event.ends_with(leave_event(function))) {
        missed += misses;
      }
    }
  }
  return missed;
}

nlohmann::json to_json(const KernelProbes& probes) {
  return {
      {"functions", probes.functions()}, {"absent", probes.absent()}, {"missed", probes.missed()}};
}

KernelTraceReader::KernelTraceReader(const fs::path& instance)
    : pipe_(open((instance / "trace_pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (pipe_.get() < 0) {
    throw std::system_error(errno, std::generic_category(), instance / "trace_pipe");
  }
}

KernelTraceReader::Window KernelTraceReader::read() {
  Window window;
  std::array<char, 16384> bytes{};
  while (true) {
    const ssize_t count = ::read(pipe_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // EAGAIN: all there is
    rest_.append(bytes.data(), static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string_view line = std::string_view(rest_).substr(begin, end - begin);
      window.lost += lost_events(line);
      if (const auto parsed = parse_kernel_probe(line)) pairing_.add(*parsed);
    }
    rest_.erase(0, begin);
  }
  window.spans = pairing_.take();
  return window;
}

}  // namespace notifier
