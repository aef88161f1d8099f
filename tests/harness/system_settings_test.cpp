// SPDX-License-Identifier: MIT
#include "system_settings.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace notifier {
namespace {

constexpr char kThp[] = "/sys/kernel/mm/transparent_hugepage/enabled";
constexpr char kKsm[] = "/sys/kernel/mm/ksm/run";
constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";

class SystemSettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "settings-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    state_file_ = root_ / "state";
    put(kThp, "always [madvise] never\n");
    put(kKsm, "1\n");
    put(kBootId, "boot-1\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path file = SystemView(root_).locate(path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string get(const std::string& path) const {
    return SystemView(root_).read(path).text.value_or("(missing)");
  }

  std::filesystem::path root_;
  std::filesystem::path state_file_;
};

TEST_F(SystemSettingsTest, ChangesAndRestores) {
  {
    SettingsChange change(SystemView(root_), state_file_);
    EXPECT_FALSE(change.set("thp_enabled", "always").has_value());
    EXPECT_FALSE(change.set("thp_enabled", "never").has_value());
    EXPECT_FALSE(change.set("ksm_run", "0").has_value());
    EXPECT_EQ(get(kThp), "never");
    EXPECT_EQ(get(kKsm), "0");
    EXPECT_TRUE(std::filesystem::exists(state_file_));
  }
  EXPECT_EQ(get(kThp), "madvise");  // the choice before the first change, not the second
  EXPECT_EQ(get(kKsm), "1");
  EXPECT_FALSE(std::filesystem::exists(state_file_));
}

TEST_F(SystemSettingsTest, OldValueIsOnDiskBeforeTheChange) {
  std::filesystem::remove(SystemView(root_).locate(kThp));
  std::filesystem::create_directories(SystemView(root_).locate(kThp));  // cannot be written
  put("/sys/kernel/mm/ksm/run", "1\n");
  SettingsChange change(SystemView(root_), state_file_);
  EXPECT_TRUE(change.set("thp_enabled", "always").has_value());
  EXPECT_FALSE(change.set("ksm_run", "0").has_value());
  std::ifstream file(state_file_);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, "boot_id=boot-1\n" + SystemView(root_).locate(kKsm).string() + "=1\n");
}

TEST_F(SystemSettingsTest, BadInputIsAReason) {
  SettingsChange change(SystemView(root_), state_file_);
  EXPECT_EQ(change.set("no_such_thing", "1"), "no setting 'no_such_thing'");
  const auto missing = change.set("numa_balancing", "0");
  ASSERT_TRUE(missing.has_value());
  EXPECT_NE(missing->find("/proc/sys/kernel/numa_balancing"), std::string::npos);
}

TEST_F(SystemSettingsTest, SecondChangeAtTheSameTimeIsRefused) {
  SettingsChange change(SystemView(root_), state_file_);
  EXPECT_THROW(SettingsChange(SystemView(root_), state_file_), std::runtime_error);
}

TEST_F(SystemSettingsTest, AnotherProcessWaitsUntilTheSettingIsRestored) {
  SettingsChange change(SystemView(root_), state_file_);
  ASSERT_FALSE(change.set("thp_enabled", "always").has_value());
  int about_to[2];
  ASSERT_EQ(::pipe(about_to), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::filesystem::path own_state = state_file_.string() + "_of_child";
    int code = 1;
    {
      SettingsChange own(SystemView(root_), own_state);
      [[maybe_unused]] const auto written = ::write(about_to[1], "x", 1);
      const bool changed = !own.set("thp_enabled", "never");
      std::ifstream file(own_state);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      code = changed && text.find("=madvise\n") != std::string::npos ? 0 : 1;
    }
    ::_exit(code);
  }
  char byte = 0;
  ASSERT_EQ(::read(about_to[0], &byte, 1), 1);
  EXPECT_EQ(get(kThp), "always");
  EXPECT_TRUE(change.restore().empty());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "it saved what we had written";
  EXPECT_EQ(get(kThp), "madvise");
}

TEST_F(SystemSettingsTest, WhoChangesAFolioSizeKeepsOthersFromAllOfThem) {
  const std::string folder = "/sys/kernel/mm/transparent_hugepage";
  put(folder + "/hugepages-32kB/enabled", "always inherit madvise [never]\n");
  put(folder + "/hugepages-64kB/enabled", "always inherit madvise [never]\n");
  const FileDescriptor other(
      ::open(SystemView(root_).locate(folder).c_str(), O_RDONLY | O_CLOEXEC));
  SettingsChange change(SystemView(root_), state_file_);
  EXPECT_FALSE(change.set("ksm_run", "0").has_value());
  EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0) << "another setting has another lock";
  ASSERT_EQ(::flock(other.get(), LOCK_UN), 0);
  EXPECT_FALSE(change.set("thp_64KiB_enabled", "madvise").has_value());
  EXPECT_FALSE(change.set("thp_32KiB_enabled", "madvise").has_value()) << "it waited for itself";
  EXPECT_NE(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(change.restore().empty());
  EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
}

// Runs `act` in a process that is then killed with SIGKILL, and waits until it and, if asked, its
// guardian are gone: both are children of ours, the guardian since we adopt orphans.
class Killed : public SystemSettingsTest {
 protected:
  void run_and_kill(bool kill_guardian_first) {
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      SettingsChange change(SystemView(root_), state_file_);
      const bool changed = !change.set("thp_enabled", "never") && !change.set("ksm_run", "0");
      const pid_t guardian = changed ? change.guardian() : -1;
      if (::write(ready[1], &guardian, sizeof guardian) != sizeof guardian) ::_exit(1);
      ::pause();
      ::_exit(1);
    }
    pid_t guardian = -1;
    ASSERT_EQ(::read(ready[0], &guardian, sizeof guardian), static_cast<ssize_t>(sizeof guardian));
    ASSERT_GT(guardian, 0);
    EXPECT_EQ(get(kThp), "never");
    if (kill_guardian_first) {
      ASSERT_EQ(::kill(guardian, SIGKILL), 0);
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ASSERT_EQ(::waitpid(guardian, nullptr, 0), guardian);
    ::close(ready[0]);
    ::close(ready[1]);
  }
};

TEST_F(Killed, GuardianRestores) {
  run_and_kill(false);
  EXPECT_EQ(get(kThp), "madvise");
  EXPECT_EQ(get(kKsm), "1");
  EXPECT_FALSE(std::filesystem::exists(state_file_));
}

TEST_F(Killed, NextStartRestoresIfTheGuardianDiedToo) {
  run_and_kill(true);
  EXPECT_EQ(get(kThp), "never");
  const auto lines = SettingsChange::recover(SystemView(root_), state_file_);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("to 'madvise'"), std::string::npos) << lines[0];
  EXPECT_EQ(get(kThp), "madvise");
  EXPECT_EQ(get(kKsm), "1");
  EXPECT_FALSE(std::filesystem::exists(state_file_));
}

TEST_F(Killed, NothingIsRestoredAfterAReboot) {
  run_and_kill(true);
  put(kBootId, "boot-2\n");
  put(kThp, "[always] madvise never\n");
  EXPECT_EQ(SettingsChange::recover(SystemView(root_), state_file_).size(), 1u);
  EXPECT_EQ(get(kThp), "[always] madvise never");
  EXPECT_FALSE(std::filesystem::exists(state_file_));
}

TEST_F(SystemSettingsTest, RecoverWithoutAStateFileDoesNothing) {
  EXPECT_TRUE(SettingsChange::recover(SystemView(root_), state_file_).empty());
}

TEST_F(SystemSettingsTest, LineThatACrashCutShortIsNotApplied) {
  std::ofstream(state_file_) << "boot_id=boot-1\n"
                             << SystemView(root_).locate(kKsm).string() << "=7";
  EXPECT_TRUE(SettingsChange::recover(SystemView(root_), state_file_).empty());
  EXPECT_EQ(get(kKsm), "1");
}

TEST(LiveSystemSettings, NamesOfThisKernelsFolders) {
  for (const SystemSetting& setting : system_settings()) {
    const std::string path(setting.path);
    // A kernel without KSM, THP or NUMA lacks the folder or the file as a whole.
    if (!path.starts_with("/sys/kernel/mm/")) continue;
    const std::string folder = path.substr(0, path.rfind('/'));
    EXPECT_TRUE(!SystemView().exists(folder) || SystemView().exists(path)) << path;
  }
}

TEST(LiveSystemSettings, RealSettingComesBack) {
  const std::string path = "/sys/kernel/mm/ksm/pages_to_scan";
  const auto before = SystemView().read(path).text;
  if (::geteuid() != 0 || ::access(path.c_str(), W_OK) != 0 || !before) {
    GTEST_SKIP() << "needs root and a kernel with KSM";
  }
  const std::string state = testing::TempDir() + "live-settings-" + std::to_string(::getpid());
  {
    SettingsChange change(SystemView(), state);
    const auto failed = change.set("ksm_pages_to_scan", std::to_string(std::stoll(*before) + 1));
    EXPECT_FALSE(failed.has_value()) << *failed;
    EXPECT_EQ(SystemView().read(path).text, std::to_string(std::stoll(*before) + 1));
  }
  EXPECT_EQ(SystemView().read(path).text, before);
}

}  // namespace
}  // namespace notifier
