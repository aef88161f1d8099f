// SPDX-License-Identifier: MIT
// Two columns of truth: evictions in KFD and on the software GPU.
#pragma once

#include <string>

namespace notifier {

/// A section of docs/cases.md.
std::string document_evictions();

}  // namespace notifier
