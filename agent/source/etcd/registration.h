// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/loop/backoff.h"
#include "agent/loop/log.h"
#include "agent/loop/loop.h"
#include "agent/source/etcd/calls.h"
#include "agent/source/etcd/lease.h"
#include "agent/source/etcd/namesakes.h"
#include "agent/source/etcd/ownership.h"
#include "agent/source/etcd/view.h"
#include "libcni/base/random.h"

namespace agent::etcd {

/// Keeps this node's own record: finds it or claims a free range for it, updates it, keeps its
/// lease alive, and begins again when the lease was lost.
///
/// A claim is one transaction that holds only if no key below `subnets/` is newer than the view
/// that the range was chosen from: no two nodes get ranges that overlap, whatever their sizes.
class Registration {
 public:
  /// `on_change` is called from the loop when self() or problems() changed.
  Registration(const Config& config, Calls& calls, Loop& loop, std::function<void()> on_change);
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration();

  /// Sets the node to publish; its ranges come from the store. Nothing is claimed for a node
  /// without an address.
  void publish(const fabric::Node& self);
  /// Takes a `view` that is complete and followed; `listed`: it was just read as a whole. It stays
  /// the caller's, and is read until suspend().
  void look(const View& view, bool listed);
  void suspend() { view_ = nullptr; }

  /// This node with its ranges, from the first claim on, also while a lost lease is replaced.
  std::optional<fabric::Node> self() const;
  const Identity& identity() const { return identity_; }
  std::vector<std::string> problems() const;
  /// `range 10.5.52.0/24`, or what it is waiting for.
  std::string state() const;
  std::uint64_t errors() const { return errors_ + lease_.errors(); }

 private:
  /// The subject of a problem: the next range, or ranges that another node took.
  enum class Topic { choice, taken };
  using Milliseconds = std::chrono::milliseconds;
  void step();
  void keep(const std::string& key, const Entry& entry);
  void remove_given_up(const std::string& kept, const KeyValue& own);
  void claim();
  void take_other_ranges();
  void forget_taken();
  void put(const std::vector<Compare>& conditions, const KeyValue& record,
           std::function<void()> won);
  void commit(std::string transaction, std::function<void()> won);
  void committed(const CallResult& result, const std::function<void()>& won);
  void fail(const std::string& error);
  void try_again(Milliseconds delay);
  void set_problem(Topic topic, const std::string& text);
  void remember(const std::vector<base::Prefix>& ranges);
  Supply supply() const;
  RecordOptions record_options() const;
  std::string record() const;

  const Config& config_;
  Calls& calls_;
  Loop& loop_;
  std::function<void()> on_change_;
  std::mt19937_64 random_{base::random_seed()};
  Identity identity_;
  fabric::Node node_;                       ///< the node to publish, without ranges
  std::vector<base::Prefix> planned_ = {};  ///< the ranges that it was last published with
  const View* view_ = nullptr;
  bool claimed_ = false;      ///< identity_.ranges are ours, as far as this process knows
  std::string own_key_ = {};  ///< the key that was found last
  Namesakes namesakes_ = {};
  Lease lease_;
  std::int64_t awaited_ = 0;  ///< revision of our last write, which the view does not have yet
  Calls::Id call_ = 0;        ///< one transaction at a time
  Loop::TimerId retry_timer_ = 0;
  Backoff race_{Milliseconds(20), Milliseconds(2000)};
  Backoff failures_{std::chrono::seconds(1), kRetryMost};
  Conditions conditions_ = {};
  std::string state_ = "no range claimed yet";
  std::map<Topic, std::string> problems_ = {};
  std::vector<base::Prefix> taken_ = {};  ///< held by another node when Topic::taken was set
  std::uint64_t errors_ = 0;
};

}  // namespace agent::etcd
