// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

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

  /// What was saved last; nothing when there is none. Throws cni::Error for a damaged file, and
  /// for one that a newer version wrote.
  std::optional<Snapshot> load() const;
  /// Saves what `latest` returns then, on a thread of its own: fsync takes as long as the disk
  /// likes. At once, then after a second, in the end every ten. Failures are logged and tried
  /// again.
  void save_soon(std::function<const Snapshot&()> latest);
  /// Saves now, and waits for it, what save_soon() has not saved yet.
  void flush();
  /// Why the last attempt failed; empty when it did not.
  const std::string& problem() const { return problem_; }

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
  std::string problem_;
};

std::string print_snapshot(const Snapshot& snapshot);
Snapshot parse_snapshot(std::string_view text, const std::string& file_name);

}  // namespace agent
