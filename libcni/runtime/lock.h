// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "libcni/base/unique_fd.h"

namespace runtime {

/// An flock() held until destruction, honoured by every process that uses the same cache directory.
class Lock {
 public:
  enum class Mode { shared, exclusive };

  /// The lock of a network: shared for ADD, CHECK and DEL, exclusive for GC. Throws LockTimeout.
  static Lock network(const std::string& cache_dir, const std::string& name, Mode mode,
                      std::chrono::milliseconds patience);
  /// The lock of a container: one operation at a time. Throws LockTimeout.
  static Lock container(const std::string& cache_dir, const std::string& container_id,
                        std::chrono::milliseconds patience);

  Lock(Lock&& other) noexcept = default;
  Lock& operator=(Lock&& other) = delete;
  /// Releases the lock, and removes the file of a container's lock if no other process waits for
  /// it.
  ~Lock();

 private:
  Lock(std::string path, base::UniqueFd fd, bool removable);
  static Lock acquire(const std::string& path, Mode mode, std::chrono::milliseconds patience,
                      bool removable);
  std::string path_;
  base::UniqueFd fd_;
  bool removable_;
};

}  // namespace runtime
