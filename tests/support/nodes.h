// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/fabric/node.h"

/// Nodes of examples, from texts.
namespace test {

inline base::IpAddress ip(const std::string& text) {
  return base::IpAddress::parse(text).value();
}
inline base::Prefix range(const std::string& text) {
  return base::Prefix::parse(text).value();
}
inline fabric::Node node(const std::string& name, const std::string& address,
                         const std::string& pods) {
  return {.name = name, .addresses = {ip(address)}, .ranges = {range(pods)}};
}
inline std::vector<std::string> names(const std::vector<fabric::Node>& nodes) {
  std::vector<std::string> found;
  for (const fabric::Node& each : nodes) found.push_back(each.name);
  return found;
}

}  // namespace test
