// SPDX-License-Identifier: MIT
#include "analysis/manifest.hpp"

#include <gtest/gtest.h>

namespace notifier::analysis {
namespace {

constexpr std::string_view kGood = R"({
  "schema_version": 1, "recording": "r", "machine": "m", "platform": "software",
  "started_utc": "2026-11-22T10:00:00Z", "interrupted": false,
  "summary_rows": 3, "sample_rows": 5, "extra": [1, 2],
  "environment": {"kernel": {"release": "6.18.0"}, "cpus": {"value": 2, "source": "sysfs"}, "thp": "madvise",
    "gone": {"value": null, "source": "sysfs", "reason": "absent"},
    "arguments": ["a=1", "b"], "gpus": [{"fw": 7}]}
})";

std::string error_of(const std::string& text) {
  try {
    parse_manifest(text, "manifest.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kGood);
  return text.replace(text.find(from), from.size(), to);
}

TEST(Manifest, IsReadAndItsEnvironmentFlattened) {
  const Manifest manifest = parse_manifest(kGood, "manifest.json");
  EXPECT_EQ(manifest.machine, "m");
  EXPECT_EQ(manifest.sample_rows, 5);
  EXPECT_FALSE(manifest.interrupted);
  const std::map<std::string, std::string> expected = {{"kernel.release", "6.18.0"},
                                                       {"cpus", "2"},
                                                       {"thp", "madvise"},
                                                       {"arguments", "a=1 b"},
                                                       {"gpus.0.fw", "7"}};
  EXPECT_EQ(manifest.environment, expected);
}

TEST(Manifest, DefectsAreNamed) {
  EXPECT_EQ(error_of("{\n\n nonsense"), "manifest.json:3: column 3: is not JSON");
  EXPECT_EQ(error_of("[]"), "manifest.json: is not a JSON object");
  EXPECT_EQ(error_of(replaced("\"recording\"", "\"other\"")),
            "manifest.json: no field 'recording'");
  EXPECT_EQ(error_of(replaced("false", "\"no\"")),
            "manifest.json: field 'interrupted' is not of type true or false");
  EXPECT_EQ(error_of(replaced("\"m\"", "\"\"")),
            "manifest.json: field 'machine' is not of type text");
  EXPECT_EQ(error_of(replaced("\"schema_version\": 1", "\"schema_version\": 0")),
            "manifest.json: schema_version is below 1");
  EXPECT_EQ(error_of("{\n\"a\": \"\xFF\"}"), "manifest.json:2: column 7: text is not UTF-8");
  EXPECT_EQ(error_of(std::string(100'000, '[')), "manifest.json: nested too deeply");
}

}  // namespace
}  // namespace notifier::analysis
