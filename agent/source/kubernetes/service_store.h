// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/source/kubernetes/list_watch.h"
#include "agent/source/snapshot.h"

namespace agent::kubernetes {

/// The services of the cluster, without their endpoints.
class ServiceStore final : public Store {
 public:
  using Map = std::map<std::string, Service>;  ///< by namespace/name
  explicit ServiceStore(std::function<void()> on_change) : on_change_(std::move(on_change)) {}
  const Map& services() const { return known_; }

  void begin_list() override { fresh_.clear(); }
  void end_list() override;
  JsonVisitor& begin_object() override;
  void end_object(EventType what) override;
  void notify() override;

 private:
  struct Visitor final : JsonVisitor {
    void text(Path path, std::string& value) override;
    void add(std::vector<base::IpAddress>& to, const std::string& value);
    std::string name, space, cluster_ip;
    Service service = {};
  };
  std::function<void()> on_change_;
  Visitor visitor_;
  Map known_, fresh_;
  bool changed_ = false;
};

/// Where the ready endpoints of each service are. Large services have several slices.
class EndpointStore final : public Store {
 public:
  explicit EndpointStore(std::function<void()> on_change) : on_change_(std::move(on_change)) {}
  /// Names of the nodes with a ready endpoint, sorted; `service` is namespace/name.
  std::vector<std::string> nodes_of(const std::string& service) const;

  void begin_list() override { fresh_.clear(); }
  void end_list() override;
  JsonVisitor& begin_object() override;
  void end_object(EventType what) override;
  void notify() override;

 private:
  /// Service -> slice -> nodes.
  using Map = std::map<std::string, std::map<std::string, std::vector<std::string>>>;
  struct Visitor final : JsonVisitor {
    void text(Path path, std::string& value) override;
    void boolean(Path path, bool value) override;
    void end_object(Path path) override;
    std::string name, space, service, node;
    bool ready = true;  ///< unset means ready (EndpointConditions)
    std::vector<std::string> nodes;
  };
  std::function<void()> on_change_;
  Visitor visitor_;
  Map known_, fresh_;
  bool changed_ = false;
};

}  // namespace agent::kubernetes
