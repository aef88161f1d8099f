// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace notifier::pin {

/// Something this machine lacks: the case is skipped and the text is its reason.
class CannotRun : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws std::system_error with errno and `what` when `failed`.
inline void throw_if(bool failed, const char* what) {
  if (failed) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace notifier::pin
