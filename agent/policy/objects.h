// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"

/// Kubernetes NetworkPolicy: the objects, and the rules that follow from them. Everything but the
/// folder source is pure.
namespace agent::policy {

using Labels = std::map<std::string, std::string>;

enum class Operator { in, not_in, exists, does_not_exist };

/// One entry of `matchExpressions`; an entry of `matchLabels` is `in` with one value.
struct Requirement {
  std::string key;
  Operator what = Operator::in;
  std::vector<std::string> values = {};  ///< sorted
  auto operator<=>(const Requirement&) const = default;
};

/// A label selector. All requirements must hold; none selects everything.
struct Selector {
  std::vector<Requirement> requirements = {};  ///< sorted
  bool readable = true;                        ///< else it selects nothing
  auto operator<=>(const Selector&) const = default;
};

struct Namespace {
  std::string name;
  Labels labels = {};
  bool operator==(const Namespace&) const = default;
};

/// A port that a container has a name for.
struct PortName {
  std::string name;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  bool operator==(const PortName&) const = default;
};

struct Pod {
  std::string ns, name, uid = {};
  Labels labels = {};
  std::string node = {};     ///< empty until a node is assigned
  std::string created = {};  ///< RFC 3339 in UTC, which sorts as text
  bool host_network = false;
  bool terminal = false;  ///< phase Succeeded or Failed: its address may be another pod's already
  std::vector<base::IpAddress> addresses = {};
  std::vector<PortName> port_names = {};
  bool operator==(const Pod&) const = default;
};

/// An entry of `ports`. A number range, a name, or neither for every port of the protocol.
struct Port {
  std::uint8_t protocol = 0;
  std::uint16_t first = 0, last = 0;  ///< both 0: every port
  std::string name = {};
  bool readable = true;  ///< else it matches nothing
  bool operator==(const Port&) const = default;
};

/// An entry of `from` or `to`: pods by selectors, or a block of addresses. Without any, every pod.
struct Peer {
  std::optional<Selector> pods = {}, namespaces = {};
  std::optional<base::Prefix> block = {};     ///< host bits cleared
  std::vector<base::Prefix> exceptions = {};  ///< parts of `block` that it does not match
  bool readable = true;                       ///< else it matches nothing
  bool operator==(const Peer&) const = default;
};

/// One entry of `ingress` or `egress`. Nothing in `peers` or `ports` means no restriction; an empty
/// list in the object is read as nothing.
struct Rule {
  std::optional<std::vector<Peer>> peers = {};
  std::optional<std::vector<Port>> ports = {};
  bool operator==(const Rule&) const = default;
};

enum class Direction { ingress, egress };

struct NetworkPolicy {
  std::string ns, name;
  Selector subject = {};  ///< pods of `ns`; not readable: all of them, with no rules
  bool isolates_ingress = false, isolates_egress = false;
  std::vector<Rule> ingress = {}, egress = {};
  bool operator==(const NetworkPolicy&) const = default;

  std::string text() const { return ns + "/" + name; }
  bool isolates(Direction way) const {
    return way == Direction::ingress ? isolates_ingress : isolates_egress;
  }
  const std::vector<Rule>& rules(Direction way) const {
    return way == Direction::ingress ? ingress : egress;
  }
};

/// All objects of a cluster, in any order.
struct Objects {
  std::vector<Namespace> namespaces = {};
  std::vector<Pod> pods = {};
  std::vector<NetworkPolicy> policies = {};
  std::vector<std::string> problems = {};  ///< parts that were not understood, one line each
  bool operator==(const Objects&) const = default;
};

}  // namespace agent::policy
