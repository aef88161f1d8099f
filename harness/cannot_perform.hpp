// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

namespace notifier {

/// Here and now the case cannot be performed, which is no failure: it becomes a skipped row.
class CannotPerform : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace notifier
