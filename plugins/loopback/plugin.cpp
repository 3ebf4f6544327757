// SPDX-License-Identifier: Apache-2.0
#include "plugins/loopback/plugin.h"

#include "plugins/loopback/apply.h"

namespace loopback {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "loopback", .add = add, .del = remove, .check = verify};
  return kPlugin;
}

}  // namespace loopback
