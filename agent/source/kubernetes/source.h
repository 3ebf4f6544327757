// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/source/kubernetes/api.h"
#include "agent/source/kubernetes/list_watch.h"
#include "agent/source/kubernetes/node_store.h"
#include "agent/source/kubernetes/publisher.h"
#include "agent/source/kubernetes/service_store.h"
#include "agent/source/source.h"

namespace agent::kubernetes {

/// The cluster as the Kubernetes API describes it: Nodes, and Services with their endpoints where
/// Service addresses are announced. Verbs used: list and watch of nodes, services and
/// endpointslices, patch of nodes/status.
class KubernetesSource final : public Source {
 public:
  KubernetesSource(const Config& config, Loop& loop, OnChange on_change, Timing timing = {});
  KubernetesSource(const KubernetesSource&) = delete;
  KubernetesSource& operator=(const KubernetesSource&) = delete;
  ~KubernetesSource() override;

  void start() override;
  const Snapshot& snapshot() const override { return snapshot_; }
  void publish(const fabric::Node& self) override { publisher_.publish(self); }
  void set_ready(bool ready, const std::string& why) override { publisher_.set_ready(ready, why); }
  SourceStatus status() const override;

 private:
  /// True once every list has come.
  bool is_complete() const;
  std::vector<const ListWatch*> watches() const;
  void changed();
  void rebuild();

  const Config config_;
  Loop& loop_;
  OnChange on_change_;
  Api api_;
  NodeStore nodes_;
  ServiceStore services_;
  EndpointStore endpoints_;
  Publisher publisher_;
  ListWatch node_watch_, service_watch_, endpoint_watch_;
  Snapshot snapshot_;
  Loop::TimerId timer_ = 0;
  bool reported_ = false;  ///< on_change was called once
};

}  // namespace agent::kubernetes
