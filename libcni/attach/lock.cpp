// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/lock.h"

#include <string>

#include "libcni/base/file.h"
#include "libcni/spec/error.h"

namespace attach {
namespace {

constexpr int kSeconds = 10;

}  // namespace

void lock(const base::Netns& sandbox) {
  if (!base::lock_exclusive(sandbox.fd(), kSeconds))
    throw cni::Error(cni::Code::try_again_later, "the network namespace is locked",
                     "another process has kept it for " + std::to_string(kSeconds) + " seconds");
}

void try_lock(const base::Netns& sandbox) {
  base::lock_exclusive(sandbox.fd(), kSeconds);
}

}  // namespace attach
