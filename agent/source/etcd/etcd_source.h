// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/loop/backoff.h"
#include "agent/loop/log.h"
#include "agent/source/etcd/client.h"
#include "agent/source/etcd/registration.h"
#include "agent/source/etcd/view.h"
#include "agent/source/source.h"

namespace agent::etcd {

/// The cluster in an etcd of version 3, in flannel's layout: lists `<prefix>/`, then watches it.
/// The snapshot stays while etcd cannot be reached. This node is in it with its claimed range after
/// the first publish(), or at once where the configuration names its addresses.
class EtcdSource : public Source {
 public:
  EtcdSource(const Config& config, Loop& loop, OnChange on_change);
  ~EtcdSource() override;

  void start() override { list(); }
  const Snapshot& snapshot() const override { return snapshot_; }
  void publish(const fabric::Node& self) override { registration_.publish(self); }
  SourceStatus status() const override;

 private:
  View empty_view() const;
  std::string before() const;  ///< the failure that made it begin again, for its state
  void list();
  void page(std::string from);
  void listed(const CallResult& result);
  void complete();
  void watch();
  void line(std::string_view text);
  void begin_again(const std::string& why, bool relist);
  void schedule_change();
  void change();

  const Config config_;
  Loop& loop_;
  OnChange on_change_;
  Backoff backoff_{std::chrono::seconds(1), kRetryMost};
  Client client_;
  View view_;
  View listing_;               ///< while pages come
  std::uint64_t cluster_ = 0;  ///< etcd's cluster id
  std::int64_t list_revision_ = 0;
  bool fresh_list_ = false;  ///< just read; no change can have come between list and watch
  Registration registration_;
  Client::Id call_ = 0, watch_ = 0;
  Loop::TimerId retry_timer_ = 0, change_timer_ = 0;
  bool complete_ = false;  ///< a list was read
  bool reported_ = false;  ///< on_change was called
  Snapshot snapshot_;
  SourceStatus status_;
  Conditions problems_;
};

}  // namespace agent::etcd
