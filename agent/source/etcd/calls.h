// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace agent::etcd {

/// The result of a call.
struct CallResult {
  std::string body = {};   ///< when etcd answered
  std::string error = {};  ///< one line for people; empty on success
  bool refused = false;    ///< etcd answered and refused the call
  int code = 0;            ///< gRPC's status code of a refusal; 0: unknown
};

/// Calls to etcd's JSON gateway.
class Calls {
 public:
  using Id = std::uint64_t;  ///< 0 is none
  using OnResult = std::function<void(const CallResult&)>;

  virtual ~Calls() = default;
  /// Posts `body` to `path`. `on_result` is called once, from the loop.
  virtual Id call(std::string path, std::string body, OnResult on_result) = 0;
  virtual void cancel(Id id) = 0;  ///< does nothing for an unknown or past call
};

}  // namespace agent::etcd
