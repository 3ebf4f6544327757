// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/source/snapshot.h"
#include "libcni/fabric/desired.h"
#include "libcni/json/writer.h"

namespace agent {

/// Write values of the agent as JSON, each as the next element of the open list or member of the
/// open object. Empty members are left out.
void print_texts(json::Writer& out, std::string_view key, const std::vector<std::string>& texts);
void print_ranges(json::Writer& out, std::string_view key, const std::vector<base::Prefix>& ranges);
void print_addresses(json::Writer& out, std::string_view key,
                     const std::vector<base::IpAddress>& addresses);
void print_overlay(json::Writer& out, const fabric::Overlay& overlay);
void print_route(json::Writer& out, const fabric::FabricRoute& route);
void print_traffic(json::Writer& out, const fabric::Traffic& traffic);
/// Writes a node in the format of the nodes file (libcni/nodes/node_list.h).
void print_node(json::Writer& out, const fabric::Node& node);
void print_service(json::Writer& out, const Service& service);

}  // namespace agent
