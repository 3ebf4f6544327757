// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/backoff.h"
#include "agent/kubernetes/api.h"
#include "agent/kubernetes/node_record.h"

namespace agent::kubernetes {

/// What the annotations of this node should say, flannel's way; a nothing removes the key.
std::map<std::string, std::optional<std::string>> wanted_annotations(const fabric::Node& self,
                                                                     const NodeRecord& shown,
                                                                     const Config& config);

/// Keeps this node's own Node object as it should be: annotations, and NetworkUnavailable=False,
/// in one strategic merge patch of the status subresource, which lets both through. Asks only when
/// the watch shows something else.
class Publisher {
 public:
  Publisher(Api& api, const Config& config);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  ~Publisher();

  void publish(const fabric::Node& self);
  /// What the watch shows now; nothing when there is no such node.
  void shown(const std::optional<NodeRecord>& record);
  /// Why it is not done yet; empty when it is, or nothing was to be published.
  const std::string& trouble() const { return trouble_; }

 private:
  void check();
  /// The patch that is needed; empty: none.
  std::string patch() const;
  void send(const std::string& body);
  void ended(const HttpResult& result);
  void wait(std::chrono::milliseconds delay);
  void note(const std::string& trouble);

  Api& api_;
  const Config& config_;
  std::optional<fabric::Node> self_;
  std::optional<NodeRecord> shown_;
  bool known_ = false;  ///< shown() was called
  HttpClient::Id request_ = 0;
  Loop::TimerId timer_ = 0;
  Backoff backoff_;
  std::string trouble_;
};

}  // namespace agent::kubernetes
