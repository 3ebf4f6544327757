// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/loop/log.h"
#include "agent/loop/loop.h"
#include "agent/source/snapshot.h"

namespace agent {

/// The last good snapshot on disk, for a boot while the source is out of reach.
class SnapshotCache {
 public:
  SnapshotCache(const std::string& state_directory, Loop& loop);
  SnapshotCache(const SnapshotCache&) = delete;
  SnapshotCache& operator=(const SnapshotCache&) = delete;
  ~SnapshotCache();

  /// Reads the snapshot that was saved last; nothing when there is none. Throws cni::Error for a
  /// damaged file, and for a file of a newer version.
  std::optional<Snapshot> load() const;
  /// Saves the snapshot that `latest` returns, on a thread of its own, because fsync may take long.
  /// The first save is immediate, the next comes after a second, later ones every ten seconds.
  /// Failures are logged and retried.
  void save_soon(std::function<const Snapshot&()> latest);
  /// Saves at once what save_soon() has not saved yet, and waits until it is on disk.
  void flush();
  /// Why the last attempt failed; empty when it succeeded.
  std::string problem() const { return problems_.text_of("cache"); }

 private:
  struct Writing;
  void write();
  std::string path_;
  Loop& loop_;
  Loop::TimerId timer_ = 0;
  std::function<const Snapshot&()> latest_;
  Loop::Clock::time_point earliest_ = {};
  std::chrono::seconds pause_;
  std::unique_ptr<Writing> writing_;
  std::size_t written_hash_ = 0;
  Conditions problems_;
};

std::string print_snapshot(const Snapshot& snapshot);
Snapshot parse_snapshot(std::string_view text, const std::string& file_name);

}  // namespace agent
