// SPDX-License-Identifier: MIT
#include "system_settings.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "environment_field.hpp"

namespace notifier {
namespace {

// A fault takes the largest folio that is on (mm/memory.c alloc_anon_folio), so whoever needs one
// size needs the others left alone.
constexpr std::string_view kFolioSizes = "/sys/kernel/mm/transparent_hugepage";

constexpr SystemSetting kSettings[] = {
    {"ksm_run", "/sys/kernel/mm/ksm/run"},
    {"ksm_pages_to_scan", "/sys/kernel/mm/ksm/pages_to_scan"},
    {"ksm_sleep_ms", "/sys/kernel/mm/ksm/sleep_millisecs"},
    {"thp_enabled", "/sys/kernel/mm/transparent_hugepage/enabled"},
    {"thp_16KiB_enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-16kB/enabled",
     kFolioSizes},
    {"thp_32KiB_enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-32kB/enabled",
     kFolioSizes},
    {"thp_64KiB_enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled",
     kFolioSizes},
    {"thp_128KiB_enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-128kB/enabled",
     kFolioSizes},
    {"thp_256KiB_enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-256kB/enabled",
     kFolioSizes},
    {"thp_512KiB_enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-512kB/enabled",
     kFolioSizes},
    {"thp_1MiB_enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-1024kB/enabled",
     kFolioSizes},
    {"thp_defrag", "/sys/kernel/mm/transparent_hugepage/defrag"},
    {"thp_shmem_enabled", "/sys/kernel/mm/transparent_hugepage/shmem_enabled"},
    {"khugepaged_defrag", "/sys/kernel/mm/transparent_hugepage/khugepaged/defrag"},
    {"khugepaged_pages_to_scan", "/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan"},
    {"khugepaged_scan_sleep_ms",
     "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs"},
    {"numa_balancing", "/proc/sys/kernel/numa_balancing"},
    {"compaction_proactiveness", "/proc/sys/vm/compaction_proactiveness"},
    {"swappiness", "/proc/sys/vm/swappiness"},
};

constexpr char kBootIdFile[] = "/proc/sys/kernel/random/boot_id";
constexpr std::chrono::seconds kPatience{60};  // with another process, longer than any case
constexpr std::size_t kStateCapacity = 8192;   // a line of two short fields for each setting

// The state file: "boot_id=<id>", then one "<file>=<value>" per setting, oldest first. The guardian
// reads it with system calls only, since it is a fork of a process whose heap may be locked.
struct StateText {
  char bytes[kStateCapacity];
  std::size_t size = 0;
};

std::string error_text(int error) { return std::generic_category().message(error); }

bool write_all(int descriptor, const char* bytes, std::size_t size) {
  return ::write(descriptor, bytes, size) == static_cast<ssize_t>(size);
}

// 0, or the errno.
int write_value(const char* file, const char* value, std::size_t size) {
  const int descriptor = ::open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = write_all(descriptor, value, size) ? 0 : errno;
  ::close(descriptor);
  return error;
}

int restore_value(const char* file, const char* value, std::size_t size) {
  // Writing 0 to KSM's run leaves merged pages merged; 2 undoes them (Documentation/mm/ksm).
  const std::string_view path(file);
  if (path.ends_with("/ksm/run") && size == 1 && value[0] == '0') write_value(file, "2", 1);
  return write_value(file, value, size);
}

bool read_state(const char* state_file, StateText& state) {
  const int descriptor = ::open(state_file, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  ssize_t count = 0;
  while (state.size < kStateCapacity &&
         (count = ::read(descriptor, state.bytes + state.size, kStateCapacity - state.size)) > 0) {
    state.size += static_cast<std::size_t>(count);
  }
  ::close(descriptor);
  return count >= 0;
}

// Calls visit(file, value, value size) for each complete line after the first; file is terminated.
// No allocation.
template <typename Visit>
void for_each_setting(StateText& state, Visit visit) {
  char* const end = state.bytes + state.size;
  char* line = state.bytes;
  bool first = true;
  while (line < end) {
    char* const line_end = std::find(line, end, '\n');
    if (line_end == end) return;  // torn by a crash while it was written: its change came later
    char* const equals = std::find(line, line_end, '=');
    if (!first && equals != line_end) {
      *equals = '\0';
      visit(line, equals + 1, static_cast<std::size_t>(line_end - equals - 1));
      *equals = '=';
    }
    first = false;
    line = line_end + 1;
  }
}

// Only async-signal-safe calls from here on.
[[noreturn]] void guard(int life_line, const char* state_file) {
  char byte;
  ssize_t count;
  do {
    count = ::read(life_line, &byte, 1);
  } while (count < 0 && errno == EINTR);
  static StateText state;
  if (count == 0 && read_state(state_file, state)) {
    bool complete = true;
    for_each_setting(state, [&](const char* file, const char* value, std::size_t size) {
      if (restore_value(file, value, size) != 0) complete = false;
    });
    if (complete) ::unlink(state_file);
  }
  ::_exit(0);
}

std::string present_value(const SystemView& view, const std::string& path, std::string& reason) {
  const SystemView::Text text = view.read(path);
  if (!text.text) {
    reason = path + ": " + text.reason;
    return {};
  }
  const nlohmann::json choice = bracketed_choice(*text.text);
  return choice.is_string() ? choice.get<std::string>() : *text.text;
}

}  // namespace

std::span<const SystemSetting> system_settings() { return kSettings; }

SettingsChange::SettingsChange(const SystemView& view, const std::filesystem::path& state_file)
    : view_(view), state_file_(std::filesystem::absolute(state_file)) {
  const FileDescriptor file(
      ::open(state_file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    throw std::runtime_error(
        fmt::format("cannot create {}: {}", state_file_.string(), error_text(errno)));
  }
  const std::string line =
      fmt::format("boot_id={}\n", view.read(kBootIdFile).text.value_or("unknown"));
  if (!write_all(file.get(), line.data(), line.size()) || ::fsync(file.get()) != 0) {
    const std::string reason = error_text(errno);
    ::unlink(state_file_.c_str());
    throw std::runtime_error(fmt::format("cannot write {}: {}", state_file_.string(), reason));
  }
  start_guardian();
}

void SettingsChange::start_guardian() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    ::unlink(state_file_.c_str());
    throw std::runtime_error("pipe failed: " + error_text(errno));
  }
  const FileDescriptor read_end(ends[0]);
  life_line_ = FileDescriptor(ends[1]);
  guardian_ = ::fork();
  if (guardian_ < 0) {
    const std::string reason = error_text(errno);
    ::unlink(state_file_.c_str());
    throw std::runtime_error("fork failed: " + reason);
  }
  if (guardian_ > 0) return;
  // Ctrl-C and a closing terminal go to the group of the bench, which is not ours any more.
  ::setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
  ::prctl(PR_SET_NAME, "settings-guard");
  ::close(ends[1]);
  guard(ends[0], state_file_.c_str());
}

SettingsChange::~SettingsChange() {
  restore();
  // One byte before the end of the line: nothing is left to do.
  const char done = 0;
  if (!write_all(life_line_.get(), &done, 1)) life_line_.reset();
  ::waitpid(guardian_, nullptr, 0);
}

std::optional<std::string> SettingsChange::save(const std::string& path, const std::string& value) {
  const FileDescriptor file(
      ::open(state_file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  const std::string line = fmt::format("{}={}\n", view_.locate(path).string(), value);
  if (!file.valid() || !write_all(file.get(), line.data(), line.size()) ||
      ::fsync(file.get()) != 0) {
    return fmt::format("cannot save {} in {}: {}", path, state_file_.string(), error_text(errno));
  }
  return std::nullopt;
}

/// Two that change one setting would each restore what the other had found.
std::optional<std::string> SettingsChange::take(const SystemSetting& setting) {
  const std::string path(setting.lock.empty() ? setting.path : setting.lock);
  if (locks_.contains(path)) return std::nullopt;
  FileDescriptor file(::open(view_.locate(path).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fmt::format("{}: {}", path, error_text(errno));
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fmt::format("cannot lock {}: {}", path, error_text(errno));
    if (std::chrono::steady_clock::now() > limit) {
      return fmt::format("another process has changed {} and still needs it so", path);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  locks_.emplace(path, std::move(file));
  return std::nullopt;
}

std::optional<std::string> SettingsChange::set(std::string_view name, const std::string& value) {
  const auto* setting = std::find_if(std::begin(kSettings), std::end(kSettings),
                                     [&](const auto& known) { return known.name == name; });
  if (setting == std::end(kSettings)) return fmt::format("no setting '{}'", name);
  const std::string path(setting->path);
  if (std::find(saved_paths_.begin(), saved_paths_.end(), path) == saved_paths_.end()) {
    if (auto failed = take(*setting)) return failed;
    std::string reason;
    const std::string before = present_value(view_, path, reason);
    if (!reason.empty()) return reason;
    if (auto failed = save(path, before)) return failed;
    saved_paths_.push_back(path);
  }
  const int error = write_value(view_.locate(path).c_str(), value.data(), value.size());
  if (error != 0) return fmt::format("cannot write '{}' to {}: {}", value, path, error_text(error));
  return std::nullopt;
}

std::vector<std::string> SettingsChange::restore() {
  std::vector<std::string> failures;
  if (!std::filesystem::exists(state_file_)) return failures;
  const auto state = std::make_unique<StateText>();
  if (!read_state(state_file_.c_str(), *state)) {
    failures.push_back("cannot read " + state_file_.string());
    return failures;
  }
  for_each_setting(*state, [&](const char* file, const char* value, std::size_t size) {
    const int error = restore_value(file, value, size);
    if (error != 0) failures.push_back(fmt::format("{}: {}", file, error_text(error)));
  });
  if (failures.empty()) {
    ::unlink(state_file_.c_str());
    saved_paths_.clear();
    // Closing is not enough: a process that was forked meanwhile has them open as well.
    for (const auto& [path, lock] : locks_) ::flock(lock.get(), LOCK_UN);
    locks_.clear();
  }
  return failures;
}

std::vector<std::string> SettingsChange::recover(const SystemView& view,
                                                 const std::filesystem::path& state_file) {
  std::vector<std::string> lines;
  const auto state = std::make_unique<StateText>();
  if (!std::filesystem::exists(state_file) || !read_state(state_file.c_str(), *state)) return lines;
  const std::string boot_line =
      fmt::format("boot_id={}\n", view.read(kBootIdFile).text.value_or("unknown"));
  if (!std::string_view(state->bytes, state->size).starts_with(boot_line)) {
    ::unlink(state_file.c_str());
    lines.push_back("the machine was rebooted since an interrupted run changed its settings");
    return lines;
  }
  bool complete = true;
  for_each_setting(*state, [&](const char* file, const char* value, std::size_t size) {
    const int error = restore_value(file, value, size);
    complete = complete && error == 0;
    lines.push_back(error == 0
                        ? fmt::format("restored {} to '{}'", file, std::string_view(value, size))
                        : fmt::format("could not restore {}: {}", file, error_text(error)));
  });
  if (complete) ::unlink(state_file.c_str());
  return lines;
}

}  // namespace notifier
