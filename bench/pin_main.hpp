// SPDX-License-Identifier: MIT
#pragma once

namespace notifier {

/// The command line of the pin cases. Returns the exit code.
int pin_main(int argc, char** argv);

}  // namespace notifier
