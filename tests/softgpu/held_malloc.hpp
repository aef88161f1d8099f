// SPDX-License-Identifier: MIT
// A malloc with one lock, which a test can hold: what a thread holds that is inside malloc when it
// makes a memory call.
#pragma once

namespace softgpu_test {

/// From here on any other thread's call into malloc ends the process with a message that names the
/// thread: with a real lock it would wait for ever.
void hold_malloc();
void release_malloc();

}  // namespace softgpu_test
