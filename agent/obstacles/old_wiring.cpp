// SPDX-License-Identifier: Apache-2.0
#include "agent/obstacles/old_wiring.h"

#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <set>

#include "libcni/base/file.h"
#include "libcni/fabric/desired.h"
#include "libcni/json/object.h"
#include "libcni/net/address.h"
#include "libcni/net/bridge_filter.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace agent {
namespace {

constexpr std::size_t kMostNames = 10;
constexpr std::size_t kLongestName = 320;  ///< a namespace, a slash and a pod's name fit
/// The beginning of the aliases of this suite's host ends.
constexpr std::string_view kAliasStart = "plumb:";
constexpr std::uint8_t kProtocolBoot = 3;  ///< of ptp's routes to pods

std::set<int> bridges_of(net::Netlink& netlink, std::span<const base::Prefix> ranges) {
  std::set<int> bridges;
  for (const net::BridgeFilter& each : net::list_bridge_filters(netlink))
    bridges.insert(each.index);
  if (bridges.empty()) return bridges;
  std::set<int> gateways;
  for (const net::Address& each : net::list_addresses(netlink))
    if (bridges.contains(each.index) && base::any_contains(ranges, each.prefix.address))
      gateways.insert(each.index);
  return gateways;
}

/// Links that routes to single addresses of `ranges` lead to.
std::set<int> links_of_routes(net::Netlink& netlink, std::span<const base::Prefix> ranges) {
  std::set<int> links;
  for (const int family : {AF_INET, AF_INET6}) {
    if (std::ranges::none_of(
            ranges, [&](const base::Prefix& each) { return each.address.family() == family; }))
      continue;
    // Two dumps that the kernel filters: the other nodes' routes may be thousands.
    for (const std::uint8_t protocol : {fabric::kProtocolPod, kProtocolBoot})
      for (const net::Route& route : net::list_main_routes(netlink, family, protocol))
        if (!route.blackhole && route.dst == base::host_prefix(route.dst.address) &&
            base::any_contains(ranges, route.dst.address))
          links.insert(route.oif);
  }
  return links;
}

/// `default/web-0` of the arguments that a kubelet's runtime gives; empty where there are none.
std::string find_pod_name(const runtime::Cache& cache, const std::string& network,
                          const runtime::RuntimeConf& conf) try {
  std::string space, name;
  const auto entry = cache.find(network, conf);
  if (!entry) return {};
  for (const auto& [key, value] : entry->conf.args) {
    if (key == "K8S_POD_NAMESPACE") space = value;
    if (key == "K8S_POD_NAME") name = value;
  }
  const std::string both = space.empty() ? name : space + "/" + name;
  return name.empty() || both.size() > kLongestName ? "" : both;
} catch (const std::exception&) {
  return {};  // the container's ID is used instead
}

std::string name_of(const net::Link& link, const runtime::Cache& cache) {
  const std::string& alias = link.alias;
  const auto container = alias.find('/');
  const auto ifname = alias.rfind('/');
  if (!alias.starts_with(kAliasStart) || ifname == container)
    return "the pod behind link " + json::quote(link.name);
  const std::string network = alias.substr(kAliasStart.size(), container - kAliasStart.size());
  const std::string id = alias.substr(container + 1, ifname - container - 1);
  const std::string pod =
      find_pod_name(cache, network, {.container_id = id, .ifname = alias.substr(ifname + 1)});
  return pod.empty() ? "container " + json::quote(id) : json::quote(pod);
}

std::string joined(const WiredPods& pods) {
  std::string text;
  for (const std::string& name : pods.names) text += (text.empty() ? "" : ", ") + name;
  const std::size_t more = pods.count - pods.names.size();
  return text + (more == 0 ? "" : " and " + std::to_string(more) + " more");
}

}  // namespace

std::optional<Wiring> find_wiring(const std::string& text, const std::string& path) {
  const auto plugins = json::Object::parse(text, path).find_objects("plugins");
  if (!plugins || plugins->empty()) return std::nullopt;
  const json::Object& first = plugins->front();
  const std::string type = first.get_string("type");
  const std::string made = type == "vxlan" ? first.get_string("podInterface", "bridge") : type;
  if (made == "bridge") return Wiring::bridged;
  if (made == "ptp" || made == "bgp") return Wiring::routed;
  return std::nullopt;
}

WiredPods find_pods_of(net::Netlink& netlink, Wiring wiring, std::span<const base::Prefix> ranges,
                       const runtime::Cache& cache) {
  const bool bridged = wiring == Wiring::bridged;
  const std::set<int> wanted =
      bridged ? bridges_of(netlink, ranges) : links_of_routes(netlink, ranges);
  if (wanted.empty()) return {};
  std::vector<net::Link> ends = net::list_links(netlink);
  std::erase_if(ends, [&](const net::Link& link) {
    const bool is_one =
        bridged ? wanted.contains(link.master) : link.master == 0 && wanted.contains(link.index);
    return link.kind != "veth" || !is_one;
  });
  std::ranges::sort(ends, {},
                    &net::Link::index);  // by age, so that new pods do not change the names
  WiredPods pods{.count = ends.size()};
  for (const net::Link& link : ends)
    if (pods.names.size() < kMostNames) pods.names.push_back(name_of(link, cache));
  return pods;
}

std::optional<Wiring> OldWiring::read_wiring() {
  auto text = base::find_file(conflist_);
  if (!text) return std::nullopt;
  if (*text != text_) {
    wiring_ = find_wiring(*text, conflist_);
    text_ = std::move(*text);
  }
  return wiring_;
}

void OldWiring::look(net::Netlink& netlink, std::span<const base::Prefix> ranges) {
  if (conflist_.empty()) return;
  try {
    const auto wiring = read_wiring();
    problem_.clear();
    if (!wiring) return;
    const bool routed = *wiring == Wiring::routed;
    const WiredPods old =
        find_pods_of(netlink, routed ? Wiring::bridged : Wiring::routed, ranges, cache_);
    if (old.count == 0) return;
    problem_ = std::to_string(old.count) + (old.count == 1 ? " pod is " : " pods are ") +
               (routed ? "on a bridge, and new pods of this node are routed"
                       : "routed, and new pods of this node are on a bridge") +
               ": the two kinds do not reach each other; recreate " + joined(old);
  } catch (const std::exception& error) {
    problem_ = std::string("cannot look for pods of another wiring: ") + error.what();
  }
}

}  // namespace agent
