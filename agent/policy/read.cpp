// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/read.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "libcni/json/object.h"

namespace agent::policy {
namespace {

using nlohmann::json;

/// The same limit as that of the YAML reader.
constexpr int kDeepestList = 4;

constexpr std::array<std::pair<const char*, std::uint8_t>, 3> kProtocols{
    {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}}};

/// The labels of `owner`, which the problems name.
Labels read_labels(const json& metadata, const std::string& owner, Objects& objects) {
  Labels labels;
  const json& given = member(metadata, "labels");
  if (!given.is_object() && !given.is_null())
    objects.problems.push_back(owner + ": labels must be keys and values, not " + shown(given));
  if (!given.is_object()) return labels;
  for (const auto& [key, value] : given.items())
    if (value.is_string())
      labels[key] = value.get<std::string>();
    else
      objects.problems.push_back(owner + ": label " + ::json::quote(key) + " must be text, not " +
                                 value.type_name() + " " + shown(value) + "; it is left out");
  return labels;
}

std::string namespace_of(const json& metadata) {
  const std::string name = text_member(metadata, "namespace");
  return name.empty() ? "default" : name;
}

void add_port_names(Pod& pod, const json& containers, bool sidecars_only) {
  if (!containers.is_array()) return;
  for (const json& container : containers) {
    if (sidecars_only && text_member(container, "restartPolicy") != "Always") continue;
    const json& ports = member(container, "ports");
    if (!ports.is_array()) continue;
    for (const json& port : ports) {
      const json& number = member(port, "containerPort");
      const std::string word = text_member(port, "protocol");
      const auto protocol = find_protocol(word.empty() ? "TCP" : word);
      const std::string name = text_member(port, "name");
      if (name.empty() || !protocol || !number.is_number_integer()) continue;
      const auto value = number.get<std::int64_t>();
      if (value < 1 || value > 65535) continue;
      pod.port_names.push_back({name, *protocol, static_cast<std::uint16_t>(value)});
    }
  }
}

void add_addresses(Pod& pod, const json& status, Objects& objects) {
  std::vector<std::string> texts;
  const json& list = member(status, "podIPs");
  if (list.is_array())
    for (const json& each : list) texts.push_back(text_member(each, "ip"));
  const std::string single = text_member(status, "podIP");
  if (texts.empty() && !single.empty()) texts.push_back(single);
  for (const std::string& text : texts)
    if (const auto address = find_plain_address(text))
      pod.addresses.push_back(*address);
    else
      objects.problems.push_back("pod " + pod.ns + "/" + pod.name + ": " + ::json::excerpt(text) +
                                 " is not an IP address; it is left out");
  std::ranges::sort(pod.addresses);
  pod.addresses.erase(std::unique(pod.addresses.begin(), pod.addresses.end()), pod.addresses.end());
}

Pod read_pod(const json& object, Objects& objects) {
  const json& metadata = member(object, "metadata");
  const json& spec = member(object, "spec");
  const json& status = member(object, "status");
  Pod pod{.ns = namespace_of(metadata), .name = text_member(metadata, "name")};
  pod.uid = text_member(metadata, "uid");
  pod.created = text_member(metadata, "creationTimestamp");
  pod.labels = read_labels(metadata, "pod " + pod.ns + "/" + pod.name, objects);
  pod.node = text_member(spec, "nodeName");
  pod.host_network = member(spec, "hostNetwork") == json(true);
  const std::string phase = text_member(status, "phase");
  pod.terminal = phase == "Succeeded" || phase == "Failed";
  add_port_names(pod, member(spec, "containers"), false);
  add_port_names(pod, member(spec, "initContainers"), true);
  add_addresses(pod, status, objects);
  return pod;
}

Namespace read_namespace(const json& object, Objects& objects) {
  const json& metadata = member(object, "metadata");
  Namespace made{.name = text_member(metadata, "name")};
  made.labels = read_labels(metadata, "namespace " + made.name, objects);
  // The API server sets this label; a file may lack it.
  made.labels["kubernetes.io/metadata.name"] = made.name;
  return made;
}

/// Replaces an object of the same name, as applying it again would.
template <typename Object, typename Key>
void put(std::vector<Object>& list, Object object, Key key) {
  const auto found = std::ranges::find(list, key(object), key);
  if (found != list.end())
    *found = std::move(object);
  else
    list.push_back(std::move(object));
}

void add(Objects& objects, const json& object, const std::string& where, int depth) {
  const std::string kind = text_member(object, "kind");
  const std::string version = text_member(object, "apiVersion");
  if (kind.ends_with("List") && depth < kDeepestList) {
    const json& items = member(object, "items");
    if (items.is_array())
      for (json item : items) {
        // Lists of one kind leave it out of their items, as the API server does.
        if (item.is_object() && !item.contains("kind") && kind != "List") {
          item["kind"] = kind.substr(0, kind.size() - 4);
          item["apiVersion"] = version;
        }
        add(objects, item, where, depth + 1);
      }
    return;
  }
  const bool core = version == "v1";
  const bool policy = kind == "NetworkPolicy" && version == "networking.k8s.io/v1";
  if (kind == "NetworkPolicy" && !policy)
    objects.problems.push_back(where + ": a NetworkPolicy of " + ::json::quote(version) +
                               " is left out; expected networking.k8s.io/v1");
  if (!policy && !(core && (kind == "Pod" || kind == "Namespace"))) return;
  if (text_member(member(object, "metadata"), "name").empty()) {
    objects.problems.push_back(where + ": a " + kind + " without metadata.name is left out");
    return;
  }
  if (policy)
    objects.policies.push_back(read_network_policy(object, where, objects.problems));
  else if (kind == "Pod")
    objects.pods.push_back(read_pod(object, objects));
  else
    put(objects.namespaces, read_namespace(object, objects),
        [](const Namespace& each) { return each.name; });
}

}  // namespace

std::optional<std::uint8_t> find_protocol(const std::string& word) {
  for (const auto& [name, number] : kProtocols)
    if (std::ranges::equal(word, std::string_view(name), {},
                           [](char c) { return static_cast<char>(c - 'A' + 'a'); }))
      return number;
  return std::nullopt;
}

std::string protocol_text(std::uint8_t protocol) {
  for (const auto& [name, number] : kProtocols)
    if (number == protocol) return name;
  return std::to_string(protocol);
}

std::optional<base::IpAddress> find_plain_address(const std::string& text) {
  const auto address = base::IpAddress::parse(text);
  if (!address || (address->is_v4() && text.find(':') != text.npos)) return std::nullopt;
  return address;
}

const json& member(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string shown(const json& value) {
  return ::json::excerpt(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string text_member(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

void add_object(Objects& objects, const json& object, const std::string& where) {
  add(objects, object, where, 0);
}

}  // namespace agent::policy
