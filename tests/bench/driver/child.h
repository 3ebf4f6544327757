// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "libcni/base/unique_fd.h"
#include "tests/bench/driver/spawn.h"

namespace bench {

/// A started plugin: its input is already in the pipe, its output stays in the pipe until it is
/// read.
struct Child {
  pid_t pid = -1;
  base::UniqueFd output;
};

enum class Start { kVfork, kTraced };

/// Everything that allocates happens here, before the clock starts.
class Launcher {
 public:
  explicit Launcher(const Call& call);
  /// kVfork: as a runtime does it, cheapest. kTraced: the child asks to be traced and stops at
  /// exec.
  Child start(Start how);

 private:
  [[noreturn]] void become(int input, int output, Start how) const;

  int host_netns_;
  std::vector<std::string> storage_;
  std::vector<char*> argv_;
  std::vector<char*> environment_;
  std::string input_;
};

/// The output of the child; call it after the child's end.
std::string read_output(const Child& child);

}  // namespace bench
