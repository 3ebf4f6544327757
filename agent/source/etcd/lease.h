// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "agent/loop/backoff.h"
#include "agent/loop/loop.h"
#include "agent/source/etcd/calls.h"

namespace agent::etcd {

/// The lease of this node's record: granted, or taken over from a record that has one, and kept
/// alive from then on until etcd has removed it or abandon() is called.
class Lease {
 public:
  /// All of them come from the loop, never from within a call of the lease.
  struct Events {
    std::function<void()> acquired;  ///< id() is set
    std::function<void(const std::string& error)>
        failed;                     ///< a grant or a check failed: call again
    std::function<void()> expired;  ///< id() is 0 again
  };

  Lease(Calls& calls, Loop& loop, std::chrono::seconds length, Events events)
      : calls_(calls), loop_(loop), length_(length), events_(std::move(events)) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

  std::int64_t id() const { return id_; }         ///< 0: none
  bool is_pending() const { return call_ != 0; }  ///< a grant or a check is under way
  /// Failed keepalives. They are repeated until etcd answers: after an outage it gives each lease
  /// its full time again.
  std::uint64_t errors() const { return errors_; }

  /// Requests a new lease. Not while one is held or pending.
  void grant();
  /// Takes over the lease `id` if it has the configured length; otherwise requests a new one.
  void check(std::int64_t id);
  /// Drops the lease; with what is bound to it, it runs out at its time.
  void abandon();

 private:
  using Milliseconds = std::chrono::milliseconds;
  void call(const char* path, std::string body, std::function<void(const std::string&)> done);
  void acquire(std::int64_t id);
  Milliseconds pause() const;
  void keepalive_in(Milliseconds delay);
  void keepalive();
  void keepalive_answered(const CallResult& result);

  Calls& calls_;
  Loop& loop_;
  const std::chrono::seconds length_;
  const Events events_;
  std::int64_t id_ = 0;
  Calls::Id call_ = 0, keepalive_ = 0;
  Loop::TimerId timer_ = 0;
  Backoff backoff_{std::chrono::seconds(1), kRetryMost};
  std::uint64_t errors_ = 0;
};

}  // namespace agent::etcd
