// SPDX-License-Identifier: MIT
// --list --long: what each case is, in Markdown. docs/cases.md is this text.
#pragma once

#include <string>

namespace notifier {

std::string document_cases();

}  // namespace notifier
