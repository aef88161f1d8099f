// SPDX-License-Identifier: MIT
// A file of its own: it alone is compiled again when the commit changes.
#include "environment.hpp"
#include "environment_field.hpp"
#include "git_commit.hpp"

namespace notifier {

nlohmann::json build_environment() {
  const std::string commit = NOTIFIER_GIT_COMMIT;
  const std::string sanitizers = NOTIFIER_SANITIZERS;
  const std::string type = NOTIFIER_BUILD_TYPE;
  nlohmann::json group;
#if defined(__clang__)
  group["compiler"] = known_field("clang " __clang_version__, "predefined macros");
#else
  group["compiler"] = known_field("gcc " __VERSION__, "predefined macros");
#endif
  group["type"] = type.empty() ? absent_field("CMAKE_BUILD_TYPE", "not set")
                               : known_field(type, "CMAKE_BUILD_TYPE");
  group["sanitizers"] = known_field(sanitizers.empty() ? "none" : sanitizers, "NOTIFIER_SANITIZE");
  group["commit"] = commit.empty() ? absent_field("git describe", "not built from a git tree")
                                   : known_field(commit, "git describe --always --dirty");
  return group;
}

}  // namespace notifier
