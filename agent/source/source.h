// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/config/config.h"
#include "agent/loop/loop.h"
#include "agent/source/snapshot.h"

namespace agent {

/// The state of a source, for status and metrics.
struct SourceStatus {
  bool in_sync = false;    ///< the snapshot is complete and the source is being followed
  std::string state = {};  ///< one line for people: `watching since 12:03:11`, `retry in 4 s: ...`
  std::uint64_t relists = 0;
  std::uint64_t watch_restarts = 0;
  std::uint64_t parsed_bytes = 0;
  std::uint64_t errors = 0;
  Loop::Clock::time_point last_word = {};  ///< when data last came from it; epoch: never
};

/// The source of the state of the cluster. All work happens in callbacks of the loop. Failures are
/// retried inside (after 1 s to 60 s with jitter) and shown by status(), never thrown.
class Source {
 public:
  virtual ~Source() = default;
  /// Begins to follow the source. The constructor's on_change() is called from the loop after each
  /// change of snapshot(), from the first complete snapshot on.
  virtual void start() = 0;
  /// The last complete state. Empty before the first on_change().
  virtual const Snapshot& snapshot() const = 0;
  /// Publishes this node to the others; repeated until it succeeds. A read-only source (a file)
  /// does nothing.
  virtual void publish(const fabric::Node& self) = 0;
  /// Publishes whether the pod network works on this node; `why` explains to people why it does
  /// not. A source without a place for that does nothing.
  virtual void set_ready(bool, const std::string& /*why*/) {}
  virtual SourceStatus status() const = 0;
};

using OnChange = std::function<void()>;
std::unique_ptr<Source> make_file_source(const Config& config, Loop& loop, OnChange on_change);
std::unique_ptr<Source> make_etcd_source(const Config& config, Loop& loop, OnChange on_change);
std::unique_ptr<Source> make_kubernetes_source(const Config& config, Loop& loop,
                                               OnChange on_change);
/// Makes the source that config.source names.
std::unique_ptr<Source> make_source(const Config& config, Loop& loop, OnChange on_change);

}  // namespace agent
