// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/policy/read.h"
#include "libcni/json/object.h"

namespace agent::policy {
namespace {

using nlohmann::json;
using Problems = std::vector<std::string>;

/// Reads one policy. Every part that is not understood matches nothing.
class Reader {
 public:
  Reader(std::string where, Problems& problems) : where_(std::move(where)), problems_(problems) {}

  Selector selector(const json& value, const std::string& path);
  std::vector<Rule> rules(const json& list, const std::string& path, const char* peers_key);
  void types(const json& spec, NetworkPolicy& policy);
  void note(const std::string& path, const std::string& what) {
    problems_.push_back(where_ + ": " + path + " " + what);
  }

 private:
  void labels(const json& value, const std::string& path, Selector& selector);
  void expression(const json& value, const std::string& path, Selector& selector);
  Rule rule(const json& value, const std::string& path, const char* peers_key);
  Peer peer(const json& value, const std::string& path);
  void block(const json& value, const std::string& path, Peer& peer);
  std::optional<base::Prefix> prefix(const json& value, const std::string& path);
  Port port(const json& value, const std::string& path);
  void numbers(const json& value, const std::string& path, Port& port);

  std::string where_;
  Problems& problems_;
};

void Reader::labels(const json& value, const std::string& path, Selector& selector) {
  if (value.is_null()) return;
  if (!value.is_object()) {
    selector.readable = false;
    return note(path + ".matchLabels", "must be keys and values, not " + shown(value));
  }
  for (const auto& [key, label] : value.items()) {
    if (!label.is_string()) {
      selector.readable = false;
      note(path + ".matchLabels." + key, "must be text, not " + shown(label));
      continue;
    }
    selector.requirements.push_back({key, Operator::in, {label.get<std::string>()}});
  }
}

void Reader::expression(const json& value, const std::string& path, Selector& selector) {
  const std::string word = text_member(value, "operator");
  Requirement made{.key = text_member(value, "key")};
  bool readable = !made.key.empty();
  if (word == "NotIn") made.what = Operator::not_in;
  if (word == "Exists") made.what = Operator::exists;
  if (word == "DoesNotExist") made.what = Operator::does_not_exist;
  const bool takes_values = word == "In" || word == "NotIn";
  if (!takes_values && word != "Exists" && word != "DoesNotExist") readable = false;
  const json& values = member(value, "values");
  for (const json& each : takes_values&& values.is_array() ? values : json::array()) {
    readable = readable && each.is_string();
    if (each.is_string()) made.values.push_back(each.get<std::string>());
  }
  if (takes_values && made.values.empty()) readable = false;
  std::ranges::sort(made.values);
  selector.requirements.push_back(std::move(made));
  if (readable) return;
  selector.readable = false;
  note(path,
       "must have a key, an operator In, NotIn, Exists or DoesNotExist, and values for In "
       "and NotIn; it is " +
           shown(value) + ", so the selector selects nothing");
}

Selector Reader::selector(const json& value, const std::string& path) {
  Selector made;
  if (value.is_null()) return made;
  if (!value.is_object()) {
    note(path, "must be a label selector, not " + shown(value) + "; it selects nothing");
    return {.readable = false};
  }
  labels(member(value, "matchLabels"), path, made);
  const json& expressions = member(value, "matchExpressions");
  if (expressions.is_array()) {
    for (std::size_t i = 0; i < expressions.size(); ++i)
      expression(expressions[i], path + ".matchExpressions[" + std::to_string(i) + "]", made);
  } else if (!expressions.is_null()) {
    made.readable = false;
    note(path + ".matchExpressions", "must be a list, not " + shown(expressions));
  }
  for (const auto& [key, unused] : value.items())
    if (key != "matchLabels" && key != "matchExpressions") {
      made.readable = false;
      note(path, "has the unknown key " + ::json::quote(key) + "; it selects nothing");
    }
  std::ranges::sort(made.requirements);
  return made;
}

std::optional<base::Prefix> Reader::prefix(const json& value, const std::string& path) {
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  const auto parsed = base::Prefix::parse(text);
  // base::Prefix takes IPv4-mapped IPv6 for IPv4, which the API refuses.
  if (parsed && find_plain_address(text.substr(0, text.find('/')))) return parsed->network();
  note(path, "must be addresses such as 10.1.0.0/16 or fd00::/64, not " + shown(value) +
                 "; the block matches nothing");
  return std::nullopt;
}

void Reader::block(const json& value, const std::string& path, Peer& peer) {
  peer.block = prefix(member(value, "cidr"), path + ".cidr");
  peer.readable = peer.block.has_value();
  const json& exceptions = member(value, "except");
  if (exceptions.is_null()) return;
  if (!exceptions.is_array()) {
    peer.readable = false;
    return note(path + ".except", "must be a list, not " + shown(exceptions));
  }
  for (const json& each : exceptions) {
    const auto cut = prefix(each, path + ".except");
    if (cut)
      peer.exceptions.push_back(*cut);
    else
      peer.readable = false;
  }
}

Peer Reader::peer(const json& value, const std::string& path) {
  Peer made;
  const json& address = member(value, "ipBlock");
  const json& pods = member(value, "podSelector");
  const json& namespaces = member(value, "namespaceSelector");
  if (!pods.is_null()) made.pods = selector(pods, path + ".podSelector");
  if (!namespaces.is_null()) made.namespaces = selector(namespaces, path + ".namespaceSelector");
  if (!address.is_null()) block(address, path + ".ipBlock", made);
  const bool selects = made.pods || made.namespaces;
  if (selects != !address.is_null()) return made;
  made.readable = false;
  note(path, "must have either ipBlock or selectors, not " + shown(value) + "; it matches nothing");
  return made;
}

void Reader::numbers(const json& value, const std::string& path, Port& port) {
  const json& number = member(value, "port");
  const json& end = member(value, "endPort");
  const auto is_port = [](const json& each) {
    return each.is_number_integer() && each.get<std::int64_t>() >= 1 &&
           each.get<std::int64_t>() <= 65535;
  };
  if (number.is_string()) port.name = number.get<std::string>();
  if (is_port(number)) port.first = port.last = number.get<std::uint16_t>();
  if (is_port(end)) port.last = end.get<std::uint16_t>();
  const bool known = number.is_null() || !port.name.empty() || port.first != 0;
  const bool range = end.is_null() || (is_port(end) && port.first != 0 && port.last >= port.first);
  if (known && range) return;
  port.readable = false;
  note(path, "must be a port from 1 to 65535 or a name, and endPort a number not below it, not " +
                 shown(value) + "; it matches nothing");
}

Port Reader::port(const json& value, const std::string& path) {
  Port made;
  const json& word = member(value, "protocol");
  const auto protocol = find_protocol(word.is_null()     ? "TCP"
                                      : word.is_string() ? word.get<std::string>()
                                                         : "");
  made.protocol = protocol.value_or(0);
  if (!protocol || !value.is_object()) {
    made.readable = false;
    note(path,
         "must have a protocol TCP, UDP or SCTP, not " + shown(value) + "; it matches nothing");
  }
  numbers(value, path, made);
  return made;
}

Rule Reader::rule(const json& value, const std::string& path, const char* peers_key) {
  Rule made;
  const json& peers = member(value, peers_key);
  const json& ports = member(value, "ports");
  const auto wrong = [](const json& list) { return !list.is_null() && !list.is_array(); };
  if (!value.is_object() || wrong(peers) || wrong(ports)) {
    note(path, std::string("must have lists ") + peers_key + " and ports, not " + shown(value) +
                   "; it allows nothing");
    made.peers.emplace();
    return made;
  }
  if (peers.is_array() && !peers.empty()) made.peers.emplace();
  if (ports.is_array() && !ports.empty()) made.ports.emplace();
  for (std::size_t i = 0; made.peers && i < peers.size(); ++i)
    made.peers->push_back(peer(peers[i], path + "." + peers_key + "[" + std::to_string(i) + "]"));
  for (std::size_t i = 0; made.ports && i < ports.size(); ++i)
    made.ports->push_back(port(ports[i], path + ".ports[" + std::to_string(i) + "]"));
  return made;
}

std::vector<Rule> Reader::rules(const json& list, const std::string& path, const char* peers_key) {
  std::vector<Rule> made;
  if (list.is_null()) return made;
  if (!list.is_array()) {
    note(path, "must be a list, not " + shown(list) + "; nothing is allowed");
    return made;
  }
  for (std::size_t i = 0; i < list.size(); ++i)
    made.push_back(rule(list[i], path + "[" + std::to_string(i) + "]", peers_key));
  return made;
}

void Reader::types(const json& spec, NetworkPolicy& policy) {
  const json& given = member(spec, "policyTypes");
  if (given.is_null() || (given.is_array() && given.empty())) {
    const json& egress = member(spec, "egress");
    policy.isolates_ingress = true;
    policy.isolates_egress = !egress.is_null() && !(egress.is_array() && egress.empty());
    return;
  }
  bool readable = given.is_array();
  for (std::size_t i = 0; readable && i < given.size(); ++i) {
    if (given[i] == "Ingress")
      policy.isolates_ingress = true;
    else if (given[i] == "Egress")
      policy.isolates_egress = true;
    else
      readable = false;
  }
  if (readable) return;
  policy.isolates_ingress = policy.isolates_egress = true;
  note("spec.policyTypes", "must list Ingress and Egress, not " + shown(given) +
                               "; the policy isolates in both directions");
}

}  // namespace

Selector read_selector(const json& value, const std::string& where, Problems& problems) {
  return Reader(where, problems).selector(value, "selector");
}

NetworkPolicy read_network_policy(const json& object, const std::string& where,
                                  Problems& problems) {
  const json& metadata = member(object, "metadata");
  NetworkPolicy policy{.ns = text_member(metadata, "namespace"),
                       .name = text_member(metadata, "name")};
  if (policy.ns.empty()) policy.ns = "default";
  Reader reader(where + ": NetworkPolicy " + policy.text(), problems);
  const json& spec = member(object, "spec");
  if (!spec.is_object()) {
    reader.note("spec", "must be an object; the policy isolates every pod of its namespace");
    policy.subject.readable = false;
    policy.isolates_ingress = policy.isolates_egress = true;
    return policy;
  }
  reader.types(spec, policy);
  policy.subject = reader.selector(member(spec, "podSelector"), "spec.podSelector");
  policy.ingress = reader.rules(member(spec, "ingress"), "spec.ingress", "from");
  policy.egress = reader.rules(member(spec, "egress"), "spec.egress", "to");
  if (!policy.subject.readable) {
    policy.ingress.clear();
    policy.egress.clear();
  }
  return policy;
}

}  // namespace agent::policy
