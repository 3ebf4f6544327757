// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/interrupt.h"

#include <atomic>
#include <csignal>

#include "libcni/base/sys_error.h"

namespace base {
namespace {

std::atomic<bool> interrupted = false;

}  // namespace

void catch_termination_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };  // no SA_RESTART: blocking calls must return
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
}

void throw_if_interrupted() {
  if (interrupted.exchange(false)) throw_errno("terminated by a signal", EINTR);
}

}  // namespace base
