// SPDX-License-Identifier: MIT
// Perturbations that end the process while its kernel runs. They return only when they fail.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>

#include "harness/perturbation_calls.hpp"

namespace notifier::perturbation_calls {

void perform_exit_running(EventContext&) { _exit(0); }

void perform_kill_running(EventContext&) {
  throw_if(kill(getpid(), SIGKILL) != 0, "kill of the own process");
  throw std::runtime_error("the process survived SIGKILL");
}

void perform_exec_running(EventContext&) {
  // The software GPU's filter outlives exec, its supervisor does not: there the loader's complaint
  // about its refused mmap would end in our output.
  fcntl(STDERR_FILENO, F_SETFD, FD_CLOEXEC);
  execl("/bin/true", "true", nullptr);
  throw_if(true, "execl of /bin/true");
}

}  // namespace notifier::perturbation_calls
