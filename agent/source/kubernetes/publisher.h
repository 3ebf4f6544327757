// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/loop/backoff.h"
#include "agent/loop/log.h"
#include "agent/source/kubernetes/api.h"
#include "agent/source/kubernetes/node_record.h"
#include "agent/source/kubernetes/pause.h"

namespace agent::kubernetes {

/// The annotations that this node should have, in flannel's format; std::nullopt removes the key.
std::map<std::string, std::optional<std::string>> wanted_annotations(const fabric::Node& self,
                                                                     const NodeRecord& shown,
                                                                     const Config& config);

/// Keeps this node's own Node object as it should be: annotations, and the condition
/// NetworkUnavailable, in one strategic merge patch of the status subresource, which accepts
/// both. Sends a request only when the watch shows other values.
///
/// The condition is False while this node is ready. It becomes True when the node was not ready for
/// Timing::unready, so that a restart of plumbd does not keep pods away; before that it stays.
class Publisher {
 public:
  Publisher(Api& api, const Config& config);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  ~Publisher();

  void publish(const fabric::Node& self);
  /// `why` explains to people why the node is not ready.
  void set_ready(bool ready, const std::string& why);
  /// Takes the node that the watch shows now; nothing when it does not exist.
  void shown(const std::optional<NodeRecord>& record);
  /// Takes all nodes as the watch shows them. When another node with this node's address and MAC is
  /// removed, flannel's nodes delete the FDB entry of both. Then backend-data is written again in
  /// another spelling, because flannel reads only annotations whose text has changed.
  void peers(const std::vector<fabric::Node>& nodes);
  /// Why publishing has not succeeded yet; empty when it has, or when there is nothing to publish.
  std::string trouble() const { return conditions_.text_of("kubernetes"); }

 private:
  void check();
  bool is_right(const std::string& key, const std::string& shown, std::string& value) const;
  /// The patch that is needed; empty: none.
  std::string patch() const;
  /// The annotations that differ, as the patch has them; empty: none.
  std::string annotations() const;
  /// The status to write into the condition; nothing while it stays as it is.
  std::optional<std::string> wanted_condition() const;
  void send(const std::string& body);
  void ended(const HttpResult& result);
  void wait(std::chrono::milliseconds delay, std::uint64_t rejected = 0);
  void note(const std::string& trouble);

  Api& api_;
  const Config& config_;
  std::optional<fabric::Node> self_;
  std::optional<NodeRecord> shown_;
  std::set<std::string> namesakes_;  ///< other nodes with this node's address and MAC
  std::optional<bool> spaced_;       ///< the spelling of backend-data that has to be shown
  bool known_ = false;               ///< shown() was called
  std::optional<bool> ready_;
  std::string unready_why_;
  Loop::Clock::time_point unready_since_ = {};
  HttpClient::Id request_ = 0;
  std::uint64_t generation_ = 0;  ///< of the credentials of the request
  Pause pause_;
  Loop::TimerId unready_timer_ = 0;
  Backoff backoff_;
  Conditions conditions_;
};

}  // namespace agent::kubernetes
