// SPDX-License-Identifier: MIT
// Settings of the whole machine that a case has to change, and their way back.
//
// The old values are on disk before the first change. They come back when the object goes, when the
// process dies in whatever way (a guardian process of our own waits for that), and, should both
// have been killed, at the next start through recover().
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file_descriptor.hpp"
#include "system_view.hpp"

namespace notifier {

struct SystemSetting {
  std::string_view name;
  std::string_view path;
  /// File or folder whose lock a change holds; empty: the setting's own file. Settings that change
  /// what each other means share one.
  std::string_view lock = {};
};

/// KSM, transparent huge pages, khugepaged, NUMA balancing, compaction, swappiness.
std::span<const SystemSetting> system_settings();

class SettingsChange {
 public:
  /// `state_file` holds the old values while they are changed; its folder must exist. Starts the
  /// guardian, so construct it while the process has one thread. Throws std::runtime_error when
  /// the state file exists already (recover() first) or the guardian cannot be started.
  SettingsChange(const SystemView& view, const std::filesystem::path& state_file);

  /// Restores. What could not be restored stays in the state file for recover().
  ~SettingsChange();
  SettingsChange(const SettingsChange&) = delete;
  SettingsChange& operator=(const SettingsChange&) = delete;

  /// Saves the present value and writes the new one. Waits while another process has changed the
  /// same setting, or one of the same lock. Returns why it failed, or nothing.
  std::optional<std::string> set(std::string_view name, const std::string& value);

  /// Restores everything. Returns what could not be restored.
  std::vector<std::string> restore();

  /// Restores what an earlier process left behind. Returns lines for the user: what was restored,
  /// or that the machine was rebooted since and nothing had to be.
  static std::vector<std::string> recover(const SystemView& view,
                                          const std::filesystem::path& state_file);

  pid_t guardian() const { return guardian_; }

 private:
  std::optional<std::string> take(const SystemSetting& setting);
  std::optional<std::string> save(const std::string& path, const std::string& value);
  void start_guardian();

  SystemView view_;
  std::filesystem::path state_file_;
  std::vector<std::string> saved_paths_;
  std::map<std::string, FileDescriptor> locks_;  // by path, until the settings are restored
  FileDescriptor life_line_;                     // the guardian reads its end at our death
  pid_t guardian_ = 0;
};

}  // namespace notifier
