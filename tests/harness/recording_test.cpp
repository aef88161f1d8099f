// SPDX-License-Identifier: MIT
#include "harness/recording.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <sstream>

namespace notifier {
namespace {

namespace fs = std::filesystem;

class RecordingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "recording_test_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  static nlohmann::json manifest() {
    return {{"machine", "box"},
            {"platform", "software"},
            {"environment", {{"kernel", {{"release", "6.0"}}}}}};
  }
  static analysis::SampleRow sample(std::int64_t event) {
    analysis::SampleRow row;
    row.recording = "x";
    row.case_name = "userptr/anon/sham/default/preempt/small/64KiB";
    row.event = event;
    row[analysis::Metric::kStall] = 1000.5;
    return row;
  }
  static std::string content(const fs::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  /// Runs `body` in a child, so that limits and privileges given up end with it.
  static int in_child(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) _exit(body());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  fs::path folder_;
};

TEST_F(RecordingTest, CountsAsInterruptedUntilItsEnd) {
  Recording recording(folder_, manifest());
  auto stored = nlohmann::json::parse(content(recording.folder() / "manifest.json"));
  EXPECT_TRUE(stored.at("interrupted").get<bool>());
  const analysis::SampleRow rows[] = {sample(0), sample(1)};
  recording.add({}, rows);
  recording.write_manifest({{"interrupted", false}});
  stored = nlohmann::json::parse(content(recording.folder() / "manifest.json"));
  EXPECT_FALSE(stored.at("interrupted").get<bool>());
  EXPECT_EQ(stored.at("sample_rows"), 2);
  EXPECT_EQ(stored.at("recording"), recording.name());
}

TEST_F(RecordingTest, TwoInOneSecondGetFoldersOfTheirOwn) {
  const Recording first(folder_, manifest());
  const Recording second(folder_, manifest());
  EXPECT_NE(first.folder(), second.folder());
}

TEST_F(RecordingTest, AnUnwritableDirectoryIsNamed) {
  const fs::path file = folder_ / "file";
  std::ofstream(file) << "in the way";
  try {
    Recording recording(file, manifest());
    FAIL() << "a file was taken for a directory";
  } catch (const ResultsError& error) {
    EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("--results"), std::string::npos);
  }
}

TEST_F(RecordingTest, AFullDiskCostsTheRunThatDidNotFitAndNothingElse) {
  const int exit_code = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);  // the file-size limit then fails write() as a full disk does
    Recording recording(folder_, manifest());
    const analysis::SampleRow rows[] = {sample(0), sample(1)};
    recording.add({}, rows);
    const std::string before = content(recording.folder() / "samples.csv");
    const rlimit limit{before.size() + 10, before.size() + 10};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      recording.add({}, rows);
      return 1;
    } catch (const ResultsError&) {
    }
    if (content(recording.folder() / "samples.csv") != before) return 2;
    return 0;
  });
  EXPECT_EQ(exit_code, 0);
}

TEST_F(RecordingTest, TheManifestIsCompletedInPlaceWhenNoCopyFits) {
  Recording recording(folder_, manifest());
  // No new file can be created in a folder without the right to: the rename path must fail, the
  // in-place path must not. Root may always write, so the test gives root up.
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  const fs::path stored = recording.folder() / "manifest.json";
  ASSERT_EQ(chmod(stored.c_str(), 0666), 0);
  ASSERT_EQ(chmod(recording.folder().c_str(), 0555), 0);
  const int exit_code = in_child([&] {
    if (geteuid() == 0 && setuid(65534) != 0) return 3;
    recording.write_manifest({{"interrupted", false}});
    return 0;
  });
  EXPECT_EQ(exit_code, 0);
  EXPECT_FALSE(nlohmann::json::parse(content(stored)).at("interrupted").get<bool>());
  chmod(recording.folder().c_str(), 0755);
}

}  // namespace
}  // namespace notifier
