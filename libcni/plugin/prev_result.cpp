// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/prev_result.h"

namespace cni {

const Interface& require_sandbox_interface(const Request& request) {
  const Result& result = require_prev_result(request);
  for (const Interface& interface : result.interfaces) {
    if (interface.name != request.ifname || interface.sandbox.empty()) continue;
    if (interface.sandbox == request.netns) return interface;
    const auto netns = base::Netns::find(interface.sandbox);
    if (netns && request.sandbox && *netns == *request.sandbox) return interface;
  }
  throw Error(Code::invalid_config,
              "Sandbox in prevResult doesn't match configured netns: " + request.netns,
              "prevResult has no interface \"" + request.ifname + "\" in it");
}

}  // namespace cni
