// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tools/cnitool/conformance/context.h"

namespace conformance {

/// `call` on another network: with another name, bridge, subnet and host port for every `number`.
Call on_network(Call call, int number);
/// `call` whose IPAM configuration has no routes, so that several attachments fit into one sandbox.
Call without_routes(Call call);
/// `call` for another container and interface.
Call for_attachment(Call call, const std::string& container_id, const std::string& ifname);

}  // namespace conformance
