// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "agent/source/kubernetes/api.h"

namespace agent::kubernetes {

/// The wait between two attempts. After a rejected token it ends as soon as the files hold other
/// credentials, which are looked at every Timing::renew.
class Pause {
 public:
  explicit Pause(Api& api) : api_(api) {}
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause() { cancel(); }

  /// Calls `done` once, from the loop. `rejected`: the generation of the credentials
  /// (Api::generation()) that the server did not accept; 0: none was rejected.
  void begin(std::chrono::milliseconds delay, std::uint64_t rejected, std::function<void()> done);
  void cancel();
  bool waits() const { return timer_ != 0; }

 private:
  void sleep();
  Api& api_;
  Loop::TimerId timer_ = 0;
  Loop::Clock::time_point due_ = {};
  std::uint64_t rejected_ = 0;
  std::function<void()> done_;
};

}  // namespace agent::kubernetes
