// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "libcni/base/unique_fd.h"

namespace net {

/// A subscription to rtnetlink groups (RTMGRP_*) of the current namespace, to wait on events
/// instead of sleeping.
class Monitor {
 public:
  explicit Monitor(unsigned groups);
  /// A subscription to the addresses of all links, both families.
  static Monitor of_addresses();

  int fd() const { return fd_.get(); }  ///< readable when there is an event; never blocks
  void drain();                         ///< discards all pending events

  /// Calls `done` at once and after every event until it returns true or `milliseconds` have
  /// passed; returns its last answer. The contents of the events are ignored, because some may be
  /// lost (ENOBUFS).
  bool wait_until(const std::function<bool()>& done, int milliseconds);

 private:
  base::UniqueFd fd_;
};

}  // namespace net
