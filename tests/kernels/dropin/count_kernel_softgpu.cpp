// SPDX-License-Identifier: MIT
// The same kernel for the software GPU, in a library of its own.
#include "tests/kernels/dropin/count_kernel.hpp"

namespace notifier::testing {

NOTIFIER_KERNEL(count_kernel, ProbeArguments);

}  // namespace notifier::testing
