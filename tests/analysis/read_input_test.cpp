// SPDX-License-Identifier: MIT
#include "analysis/compare/read_input.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "analysis/compare/read_google_benchmark.hpp"
#include "analysis/compare/read_recording.hpp"
#include "analysis/csv.hpp"
#include "analysis/files.hpp"
#include "analysis/summary.hpp"
#include "recording_files.hpp"

namespace notifier::analysis {
namespace {

std::string error_of(const std::vector<std::string>& inputs, const TemporaryFolder& folder) {
  try {
    read_inputs(inputs, EventSet::kAll);
  } catch (const InputError& error) {
    std::string text = error.what();
    const std::string prefix = folder.path().string() + "/";
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }
  return "no error";
}

FakeRecording recording(const std::string& name) {
  FakeRecording fake;
  fake.name = name;
  fake.cases["fork"] = {{30, 10, 20}, {40, 60, 50}};
  return fake;
}

void replace_in(const std::filesystem::path& file, const std::string& from, const std::string& to) {
  std::string text = read_text_file(file);
  text.replace(text.find(from), from.size(), to);
  std::ofstream(file, std::ios::binary) << text;
}

TEST(ReadInput, ReadsARecordingWithItsEventsInOrder) {
  const TemporaryFolder folder;
  const auto path = recording("a").write(folder);
  const RunSet runs = read_inputs({path}, EventSet::kAll);
  ASSERT_EQ(runs.runs.size(), 2u);
  ASSERT_EQ(runs.recordings.size(), 1u);
  EXPECT_EQ(runs.recordings[0].environment.at("kernel.release"), "6.12.0");
  EXPECT_EQ(runs.recordings[0].seed, 7);
  const MetricValues* stall = find_metric_values(runs.runs[1], "stall_ns");
  ASSERT_NE(stall, nullptr);
  EXPECT_EQ(stall->events, (std::vector<double>{40, 50, 60}));
  EXPECT_EQ(stall->p50, 50);
  EXPECT_TRUE(stall->headline);
}

TEST(ReadInput, TakesFoldersFilesAndGlobs) {
  const TemporaryFolder folder;
  const auto path = recording("a").write(folder);
  recording("b").write(folder);
  const std::string root = folder.path();
  EXPECT_EQ(read_inputs({root}, EventSet::kAll).recordings.size(), 2u);
  EXPECT_EQ(read_inputs({root + "/*"}, EventSet::kAll).recordings.size(), 2u);
  EXPECT_EQ(read_inputs({root + "/[b]"}, EventSet::kAll).recordings.size(), 1u);
  EXPECT_EQ(read_inputs({root + "/a/samples.csv"}, EventSet::kAll).runs.size(), 2u);
  EXPECT_EQ(read_inputs({root + "/a", root + "/a/"}, EventSet::kAll).runs.size(), 2u);
  const RunSet summary = read_inputs({root + "/a/summary.csv"}, EventSet::kAll);
  EXPECT_TRUE(find_metric_values(summary.runs[0], "stall_ns")->events.empty());
  EXPECT_EQ(find_metric_values(summary.runs[0], "stall_ns")->p50, 20);
}

TEST(ReadInput, LeavesOutTaintedEventsOnRequest) {
  const TemporaryFolder folder;
  FakeRecording fake = recording("a");
  const auto path = fake.write(folder);
  std::vector<SampleRow> samples = fake.samples_of("fork", 0);
  const auto store = [&] {
    std::ostringstream summary_text;
    write_summary(summary_text, summarize_run(fake.identity("fork", 0), samples));
    folder.write("a/summary.csv", summary_text.str());
    std::ostringstream samples_text;
    write_samples(samples_text, samples);
    folder.write("a/samples.csv", samples_text.str());
  };
  samples[0].flags = "lost_cpu";
  store();
  const RunSet all = read_inputs({path}, EventSet::kAll);
  const RunSet unflagged = read_inputs({path}, EventSet::kUnflagged);
  EXPECT_EQ(find_metric_values(all.runs[0], "stall_ns")->events.size(), 3u);
  EXPECT_EQ(find_metric_values(unflagged.runs[0], "stall_ns")->events,
            (std::vector<double>{10, 20}));
  EXPECT_EQ(find_metric_values(unflagged.runs[0], "stall_ns")->p50, 15);

  for (SampleRow& sample : samples) sample.flags = "lost_cpu";
  store();
  const RunSet none = read_inputs({path}, EventSet::kUnflagged);
  ASSERT_EQ(none.runs.size(), 1u);
  EXPECT_EQ(find_metric_values(none.runs[0], "stall_ns"), nullptr);
}

TEST(ReadInput, RowsMayComeInAnyOrder) {
  const TemporaryFolder folder;
  const auto path = recording("a").write(folder);
  std::istringstream in(read_text_file(path / "samples.csv"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::string reversed = lines[0] + "\r\n";
  for (std::size_t i = lines.size() - 1; i > 0; --i) reversed += lines[i] + "\r\n";
  const RunSet before = read_inputs({path}, EventSet::kAll);
  folder.write("a/samples.csv", reversed);
  const RunSet after = read_inputs({path}, EventSet::kAll);
  for (std::size_t i = 0; i < before.runs.size(); ++i) {
    EXPECT_EQ(find_metric_values(before.runs[i], "stall_ns")->events,
              find_metric_values(after.runs[i], "stall_ns")->events);
  }
}

TEST(ReadInput, NamesFileLineAndColumnOfADefect) {
  const TemporaryFolder folder;
  const auto path = recording("a").write(folder);
  const std::string samples = read_text_file(path / "samples.csv");
  const auto with_samples = [&](const std::string& from, const std::string& to) {
    std::string text = samples;
    text.replace(text.find(from), from.size(), to);
    folder.write("a/samples.csv", text);
    return error_of({path}, folder);
  };
  EXPECT_EQ(with_samples(",30,", ",nan,"),
            "a/samples.csv:2: column 8: 'nan' is not of type number");
  EXPECT_EQ(with_samples(",30,", ",inf,"),
            "a/samples.csv:2: column 8: 'inf' is not of type number");
  EXPECT_EQ(with_samples(",30,", ",-30,"), "a/samples.csv:2: column 8: a negative value");
  EXPECT_EQ(
      with_samples(",30,", ",,"),
      "a/samples.csv:7: incomplete: 2 values of stall_ns for case fork run 0, summary.csv has "
      "3");
  EXPECT_EQ(with_samples("a,fork,0,1,", "a,fork,0,0,"),
            "a/samples.csv:3: column 4: second row for the same event");
  EXPECT_EQ(with_samples("a,fork,0,1,", "a,fork,5,1,"),
            "a/samples.csv:3: column 2: summary.csv has no such recording, case and run");
  EXPECT_EQ(with_samples("a,fork,0,1,", "a,fork,0,99999999999,"),
            "a/samples.csv:3: column 4: event: '99999999999' is not a number of an event");
  EXPECT_EQ(with_samples("a,fork,0,1,event", "a,fork,0,1,evnt"),
            "a/samples.csv:3: column 5: kind: 'evnt' is unknown");
  EXPECT_EQ(with_samples("a,fork,0,1,", "a,\xFF,0,1,"),
            "a/samples.csv:3: column 2: text is not UTF-8");
  folder.write("a/samples.csv", samples.substr(0, samples.size() - 8));
  EXPECT_TRUE(error_of({path}, folder).starts_with("a/samples.csv:7: column "));
  folder.write("a/samples.csv", "");
  EXPECT_EQ(error_of({path}, folder), "a/samples.csv: empty: no header line");
  folder.write("a/samples.csv", "what,is,this\n");
  EXPECT_EQ(error_of({path}, folder), "a/samples.csv:1: wrong header: no column 'recording'");
}

// KFD reports an eviction before it acts, and two clocks agree only within their residual.
TEST(ReadInput, TakesNegativeDifferencesBetweenClocks) {
  const TemporaryFolder folder;
  FakeRecording fake = recording("a");
  const auto path = fake.write(folder);
  std::vector<SampleRow> samples = fake.samples_of("fork", 0);
  samples[0][Metric::kEvictToStop] = -250;
  std::ostringstream summary_text;
  write_summary(summary_text, summarize_run(fake.identity("fork", 0), samples));
  folder.write("a/summary.csv", summary_text.str());
  std::ostringstream samples_text;
  write_samples(samples_text, samples);
  folder.write("a/samples.csv", samples_text.str());
  const RunSet runs = read_inputs({path}, EventSet::kAll);
  EXPECT_EQ(find_metric_values(runs.runs[0], "evict_to_stop_ns")->events,
            std::vector<double>{-250});
}

TEST(ReadInput, RefusesMixedUnitsAndDuplicates) {
  const TemporaryFolder folder;
  const auto path = recording("a").write(folder);
  const std::string summary = read_text_file(path / "summary.csv");
  replace_in(path / "summary.csv", "stall_ns,ns", "stall_ns,us");
  EXPECT_TRUE(error_of({path}, folder).ends_with("mixed units: 'ns' here, 'us' above"))
      << error_of({path}, folder);
  const std::size_t first_row = summary.find('\n') + 1;
  folder.write("a/summary.csv", summary + summary.substr(first_row));
  EXPECT_TRUE(error_of({path}, folder)
                  .ends_with("second row for the same recording, case, run, metric and events"));
  folder.write("a/summary.csv", summary);
  std::filesystem::create_directories(folder.path() / "copy");
  std::filesystem::copy(path, folder.path() / "copy/a");
  EXPECT_EQ(error_of({folder.path()}, folder),
            "copy/a: recording 'a' of box was read already, from a");
}

TEST(ReadInput, RefusesWhatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of({folder.path() / "no"}, folder),
            "no: no such file or folder, and no glob matches");
  std::filesystem::create_directories(folder.path() / "empty");
  EXPECT_EQ(error_of({folder.path() / "empty"}, folder),
            "empty: no summary.csv in this folder or below");
}

TEST(ReadInput, TheManifestMustBelongToTheRecording) {
  const TemporaryFolder folder;
  const auto path = recording("a").write(folder);
  replace_in(path / "manifest.json", "\"recording\": \"a\"", "\"recording\": \"b\"");
  EXPECT_EQ(error_of({path}, folder),
            "a/manifest.json: is about recording 'b', but summary.csv about 'a'");
}

// As Google Benchmark 1.7.1 wrote it, context lines, aggregates and a failed benchmark included.
constexpr const char* kGoogleCsv = R"(2026-11-22T18:06:44+00:00
Running ./b
Run on (2 X 2596.13 MHz CPU s)
Load Average: 2.12, 1.76, 2.13
name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,error_occurred,error_message,"µs, odd"
"BM_a/100",535804,0.05,0.026,us,,3.8e+09,,,,3
"BM_a/100",535804,0.06,0.027,us,,3.7e+09,,,,3
"BM_a/100_mean",2,0.055,0.0265,us,,3.75e+09,,,,3
"BM_err",,,,,,,,true,"no, ""really"""
)";

TEST(GoogleBenchmark, ReadsCsv) {
  std::istringstream in(kGoogleCsv);
  const RunSet runs = read_google_benchmark_csv(in, "o.csv");
  ASSERT_EQ(runs.runs.size(), 3u);
  EXPECT_EQ(runs.runs[1].identity.case_name, "BM_a/100");
  EXPECT_EQ(runs.runs[1].identity.run, 1);
  EXPECT_NEAR(*find_metric_values(runs.runs[1], "real_time")->p50, 60, 1e-9);
  EXPECT_TRUE(find_metric_values(runs.runs[1], "real_time")->headline);
  EXPECT_EQ(find_metric_values(runs.runs[0], "items_per_second")->better, Better::kHigher);
  EXPECT_EQ(find_metric_values(runs.runs[0], "µs, odd")->better, Better::kNone);
  EXPECT_EQ(runs.runs[2].identity.status, Status::kFailed);
  EXPECT_EQ(runs.runs[2].identity.reason, "no, \"really\"");
}

TEST(GoogleBenchmark, ReadsJson) {
  const RunSet runs = read_google_benchmark_json(R"({"context": {"host_name": "vm",
    "executable": "./b", "num_cpus": 2, "load_avg": [1]},
    "benchmarks": [
      {"name": "BM_a", "run_name": "BM_a", "run_type": "iteration", "repetitions": 2,
       "iterations": 5, "real_time": 2.5, "cpu_time": 2.0, "time_unit": "ms", "items_per_second": 7},
      {"name": "BM_a_mean", "run_name": "BM_a", "run_type": "aggregate", "real_time": 2.5,
       "cpu_time": 2.0, "time_unit": "ms"},
      {"name": "BM_e", "run_name": "BM_e", "run_type": "iteration", "error_occurred": true,
       "error_message": "why", "real_time": 0, "cpu_time": 0, "time_unit": "ns"}]})",
                                                 "o.json");
  ASSERT_EQ(runs.runs.size(), 2u);
  EXPECT_NEAR(*find_metric_values(runs.runs[0], "real_time")->p50, 2.5e6, 1e-6);
  EXPECT_EQ(find_metric_values(runs.runs[0], "items_per_second")->p50, 7);
  EXPECT_EQ(find_metric_values(runs.runs[0], "iterations"), nullptr);
  EXPECT_EQ(runs.runs[1].identity.status, Status::kFailed);
  EXPECT_EQ(runs.recordings[0].machine, "vm");
  EXPECT_EQ(runs.recordings[0].environment.at("num_cpus"), "2");
  EXPECT_FALSE(runs.recordings[0].environment.contains("load_avg"));
}

std::string google_error(const std::string& text, bool is_json) {
  try {
    std::istringstream in(text);
    is_json ? read_google_benchmark_json(text, "f") : read_google_benchmark_csv(in, "f");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(GoogleBenchmark, NamesDefects) {
  const std::string header = "name,iterations,real_time,cpu_time,time_unit\n";
  EXPECT_EQ(google_error("a,b\n", false), "f: no header line 'name,iterations,...'");
  EXPECT_EQ(google_error(header + "x,1,abc,1,ns\n", false),
            "f:2: column 3: real_time: 'abc' is not of type number");
  EXPECT_EQ(google_error(header + "x,1,1,1,fortnights\n", false), "f:2: unknown time_unit");
  EXPECT_EQ(google_error(header + "x,1,-1,1,ns\n", false), "f:2: column 3: a negative time");
  EXPECT_EQ(google_error(header + "x,1,1\n", false),
            "f:2: column 3: the line has 3 fields, the header 5");
  EXPECT_EQ(google_error("{\"benchmarks\": 3}", true), "f: has no list 'benchmarks'");
  EXPECT_EQ(google_error("{\n\n\"benchmarks\": [,]}", true), "f:3: column 16: is not JSON");
  EXPECT_EQ(google_error("{\"benchmarks\": [{}]}", true), "f: benchmarks[0]: has no name");
  EXPECT_EQ(google_error("{\"benchmarks\": [{\"name\":\"a\",\"real_time\":1}]}", true),
            "f: benchmarks[0]: unknown time_unit");
}

}  // namespace
}  // namespace notifier::analysis
