// SPDX-License-Identifier: MIT
#include "probe.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "environment.hpp"
#include "probe_capabilities.hpp"

namespace notifier {
namespace {

using nlohmann::json;

SystemView box(const std::string& name) {
  return SystemView(std::filesystem::path(NOTIFIER_FIXTURES) / name);
}

Availability available(const std::string& box_name, const std::string& capability) {
  const auto all = capabilities(read_environment(box(box_name)));
  const Capability* found = find_capability(all, capability);
  EXPECT_NE(found, nullptr) << capability;
  EXPECT_FALSE(found->reason.empty()) << capability;
  return found->available;
}

constexpr Availability kYes = Availability::kYes;
constexpr Availability kNo = Availability::kNo;
constexpr Availability kUnknown = Availability::kUnknown;

struct Expected {
  std::string box;
  std::map<std::string, Availability> available;
};

class Boxes : public testing::TestWithParam<Expected> {};

TEST_P(Boxes, HaveTheseCapabilities) {
  for (const auto& [capability, expected] : GetParam().available) {
    EXPECT_EQ(available(GetParam().box, capability), expected)
        << GetParam().box << ": " << capability;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, Boxes,
    testing::Values(Expected{"gfx90a_xnack",
                             {{"gpu", kYes},
                              {"kfd_device", kYes},
                              {"persistent_kernel", kYes},
                              {"svm", kYes},
                              {"retry_fault", kYes},
                              {"system_memory", kYes},
                              {"atomics", kYes},
                              {"driver_events", kUnknown},  // DKMS
                              {"peer_gpu", kNo},
                              {"root", kNo},
                              {"ksm", kNo},
                              {"numa", kYes},
                              {"swap", kYes},
                              {"collapse", kYes}}},
                    Expected{"gfx90a", {{"retry_fault", kYes}, {"collapse", kNo}}},  // Linux 5.14
                    Expected{"gfx942", {{"retry_fault", kYes}, {"root", kYes}, {"ksm", kYes}}},
                    Expected{"gfx1030",
                             {{"retry_fault", kNo},
                              {"system_memory", kNo},
                              {"atomics", kNo},
                              {"driver_events", kYes},
                              {"numa", kNo}}},
                    Expected{"gfx1100_mes", {{"retry_fault", kNo}, {"persistent_kernel", kYes}}},
                    // The gfx1030 beside the gfx90a rules XNACK out for both.
                    Expected{"two_gpus", {{"peer_gpu", kYes}, {"retry_fault", kNo}, {"svm", kYes}}},
                    Expected{"cwsr_off", {{"persistent_kernel", kNo}, {"retry_fault", kNo}}},
                    Expected{"container_no_kfd",
                             {{"gpu", kYes}, {"kfd_device", kNo}, {"driver_events", kNo}}},
                    Expected{"no_gpu",
                             {{"gpu", kNo},
                              {"kfd_device", kNo},
                              {"svm", kNo},
                              {"swap", kNo},
                              {"hugetlb", kNo},
                              {"system_call_notification", kYes}}}));

std::optional<std::string> reason(const std::string& box_name, const CaseParts& parts,
                                  std::string_view platform) {
  return why_not(capabilities(read_environment(box(box_name))), parts, platform);
}

TEST(WhyNot, NamesTheFirstMissingCapability) {
  const CaseParts fork{"userptr", "anon", "fork_exit", "preempt"};
  EXPECT_FALSE(reason("gfx1030", fork, "rocm").has_value());
  EXPECT_EQ(reason("cwsr_off", fork, "rocm")->substr(0, 41),
            "needs persistent_kernel: cwsr_enable=0: a");
  EXPECT_EQ(reason("container_no_kfd", fork, "rocm")->substr(0, 38),
            "needs kfd_device: /dev/kfd: no such de");
  EXPECT_EQ(reason("no_gpu", fork, "rocm")->substr(0, 10), "needs gpu:");
  EXPECT_FALSE(reason("no_gpu", fork, "software").has_value());
}

TEST(WhyNot, EachPartOfACaseHasItsNeeds) {
  EXPECT_TRUE(reason("gfx1030", {"system", "anon", "none", "retry_fault"}, "rocm").has_value());
  EXPECT_FALSE(reason("gfx942", {"system", "anon", "none", "retry_fault"}, "rocm").has_value());
  EXPECT_TRUE(reason("gfx942", {"userptr", "hugetlb", "none", "preempt"}, "rocm").has_value());
  EXPECT_TRUE(reason("gfx1030", {"userptr", "anon", "move_pages", "preempt"}, "rocm").has_value());
  EXPECT_FALSE(reason("gfx942", {"userptr", "anon", "move_pages", "preempt"}, "rocm").has_value());
  EXPECT_TRUE(reason("gfx90a_xnack", {"userptr", "anon", "ksm", "preempt"}, "rocm").has_value());
  // Neither AMD's SVM nor its XNACK matters to the software GPU.
  EXPECT_FALSE(reason("no_gpu", {"managed", "anon", "prefetch_device", "retry_fault"}, "software")
                   .has_value());
}

TEST(ExpectedRegisterPath, FollowsVersionAndSwitch) {
  json environment = read_environment(box("gfx942"));
  EXPECT_EQ(expected_register_path(environment).path, "svm_range");
  environment["amdgpu"]["rocm_version"]["value"] = "5.2.3-1";
  EXPECT_EQ(expected_register_path(environment).path, "userptr_bo");
  environment["amdgpu"]["rocm_version"]["value"] = nullptr;
  EXPECT_FALSE(expected_register_path(environment).path.has_value());
  environment["process"]["variables"]["value"]["HSA_USE_SVM"] = "0";
  EXPECT_EQ(expected_register_path(environment).path, "userptr_bo");
}

const std::vector<ProbedCase> kCases = {{"userptr", "anon", "fork_exit", "preempt"},
                                        {"managed", "anon", "fork_exit", "preempt"},
                                        {"system", "anon", "fork_exit", "retry_fault"}};

TEST(Probe, JsonSaysWhichCasesRun) {
  const json probed = probe(box("gfx1030"), "rocm", kCases);
  EXPECT_EQ(probed["cases"].size(), 3u);
  EXPECT_EQ(probed["cases"][0]["runs"], true);
  EXPECT_EQ(probed["cases"][2]["runs"], false);
  EXPECT_NE(probed["cases"][2]["reason"].get<std::string>().find("gfx1030 has no XNACK"),
            std::string::npos);
  EXPECT_EQ(probed["other_users"]["users"].size(), 3u);
  EXPECT_EQ(probe_exit_code(probed), 0);
}

TEST(Probe, XnackModesPossibleAndAskedFor) {
  const json asked = probe(box("gfx90a_xnack"), "rocm", {});
  EXPECT_EQ(asked["xnack"]["possible"], "yes");
  EXPECT_EQ(asked["xnack"]["HSA_XNACK"], "1");
  const json not_asked = probe(box("gfx90a"), "rocm", {});
  EXPECT_EQ(not_asked["xnack"]["possible"], "yes");
  EXPECT_TRUE(not_asked["xnack"]["HSA_XNACK"].is_null());
  EXPECT_EQ(probe(box("gfx1100_mes"), "rocm", {})["xnack"]["possible"], "no");
}

class ProbeText : public testing::TestWithParam<std::string> {};

TEST_P(ProbeText, HasEverySection) {
  const json probed = probe(box(GetParam()), "rocm", kCases);
  const std::string text = probe_text(probed);
  for (const char* title : {"GPUs", "Driver", "Kernel", "Memory policy", "Capabilities",
                            "Other users of the GPU", "Cases:", "hipHostRegister takes"}) {
    EXPECT_NE(text.find(title), std::string::npos) << title;
  }
  EXPECT_EQ(json::parse(probed.dump()), probed);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ProbeText,
                         testing::Values("gfx90a_xnack", "gfx90a", "gfx942", "gfx1030",
                                         "gfx1100_mes", "two_gpus", "cwsr_off", "container_no_kfd",
                                         "no_gpu"));

TEST(Probe, NothingRunnableIsOneClearSentenceAnd77) {
  for (const char* name : {"no_gpu", "container_no_kfd", "cwsr_off"}) {
    const json probed = probe(box(name), "rocm", kCases);
    EXPECT_EQ(probe_exit_code(probed), 77) << name;
    EXPECT_EQ(probe_text(probed).find("nothing can run here on platform rocm: needs "), 0u) << name;
  }
  EXPECT_EQ(probe_exit_code(probe(box("no_gpu"), "software", kCases)), 0);
}

TEST(Probe, ThisMachine) {
  const json probed = probe(SystemView(), "software", kCases);
  EXPECT_EQ(probed["capabilities"].size(), capabilities(probed["environment"]).size());
  EXPECT_FALSE(probe_text(probed).empty());
}

}  // namespace
}  // namespace notifier
