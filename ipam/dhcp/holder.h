// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "ipam/dhcp/lease.h"
#include "ipam/dhcp/pod_link.h"
#include "libcni/base/loop.h"

namespace ipam_dhcp {

/// The daemon's flags that concern the exchange with a server.
struct Timing {
  std::chrono::milliseconds timeout{10'000};      ///< most before the first repetition
  std::chrono::milliseconds resend_most{62'000};  ///< most between two messages
  std::chrono::milliseconds give_up{208'000};     ///< for the first lease of an ADD
  bool broadcast = false;                         ///< servers are asked to answer by broadcast
};

/// The client of RFC 2131 for one attachment: gets a lease, keeps it and gives it back. Callbacks
/// may not destroy the holder before they return to the loop.
class Holder {
 public:
  struct Events {
    std::function<void()> bound;                     ///< a lease was granted or renewed
    std::function<void(const std::string&)> failed;  ///< no lease in time; nothing is held
    std::function<void(const std::string&)> ended;   ///< the lease is lost, or the pod is gone
  };
  Holder(base::Loop& loop, const Timing& timing, Call call, Events events);
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { stop(); }

  /// Asks for a lease. Throws when the pod's link cannot be used.
  void acquire();
  /// Goes on with the lease of an earlier daemon.
  void resume(const SavedLease& saved);
  /// Gives the lease back to its server, so far as the link still exists. Never throws.
  void release() noexcept;
  /// Throws unless the link that has the lease exists.
  void require_link() const;

  const std::string& key() const { return key_; }
  const std::optional<Lease>& lease() const { return lease_; }
  SavedLease saved() const;

 private:
  enum class State { idle, selecting, requesting, bound, renewing, rebinding };
  using Milliseconds = std::chrono::milliseconds;
  void open();
  void close();
  void stop();
  void select();
  void enter(State state);
  void send();
  void send_guarded();
  Packet message(MessageType type) const;
  void arm(base::Loop::TimerId& timer, Milliseconds delay, std::function<void()> due);
  Milliseconds retry_delay();
  void on_readable();
  void on_offer(Packet packet);
  void on_answer(const Packet& packet);
  void bind(const Packet& ack);
  void apply(const Lease& before) const;
  void schedule(Milliseconds elapsed);
  void renew(State state);
  void expire();
  void give_up();

  base::Loop& loop_;
  Timing timing_;
  Call call_;
  Conf conf_;
  std::string key_;
  Events events_;
  State state_ = State::idle;
  std::optional<PodLink> link_ = {};
  base::Mac mac_;
  std::uint32_t xid_ = 0;
  int sends_ = 0;  ///< messages of this state
  std::optional<Packet> offer_ = {};
  std::optional<Packet> ack_ = {};
  std::optional<Lease> lease_ = {};
  base::BootTime requested_{};  ///< the moment from which the times of the lease count
  base::BootTime obtained_{};
  base::BootTime began_{};
  base::Loop::TimerId retry_ = 0, stage_ = 0, expiry_ = 0, deadline_ = 0;
  std::minstd_rand random_;
};

}  // namespace ipam_dhcp
