// SPDX-License-Identifier: Apache-2.0
#include "agent/firewall.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "libcni/fabric/plan.h"

namespace agent {
namespace {

using Addresses = std::set<base::IpAddress>;

constexpr std::uint16_t kBgp = 179;
constexpr std::uint16_t kBfdSingleHop = 3784;  // RFC 5881
constexpr std::uint16_t kBfdMultihop = 4784;   // RFC 5883

/// One port that has to be reachable. `sources` empty with `anybody` unset: nobody needs it.
struct Opening {
  std::string what;
  std::string protocol;
  std::uint16_t port = 0;
  Addresses sources = {};
  bool anybody = false;
};

/// The node of this machine, as the source tells it or else as far as the configuration knows it.
fabric::Node self_of(const Config& config, const std::vector<fabric::Node>& nodes) {
  const auto found = std::ranges::find(nodes, config.node_name, &fabric::Node::name);
  fabric::Node self = found == nodes.end() ? fabric::Node{.name = config.node_name} : *found;
  if (!config.addresses.empty()) self.addresses = config.addresses;
  return self;
}

fabric::Backend backend_of(const Config& config, const fabric::Node& node) {
  return node.backend.value_or(config.fabric.backend);
}

std::vector<fabric::Node> others(const std::vector<fabric::Node>& nodes, const fabric::Node& self) {
  std::vector<fabric::Node> result = nodes;
  std::erase_if(result, [&](const fabric::Node& node) { return node.name == self.name; });
  return result;
}

/// The very port and addresses that this node's own table lets through.
std::vector<Opening> tunnel_openings(const Config& config, const fabric::Node& self,
                                     const std::vector<fabric::Node>& remote) {
  const auto desired = fabric::plan(self, remote, config.fabric, {});
  std::vector<Opening> openings;
  for (const std::uint16_t port : desired.traffic->vxlan_ports)
    openings.push_back({.what = "VXLAN from the other nodes",
                        .protocol = "udp",
                        .port = port,
                        .sources = {desired.traffic->vteps.begin(), desired.traffic->vteps.end()}});
  return openings;
}

/// Nodes that this one has a BGP session with: all in a mesh, else where one of the two reflects.
Addresses bgp_nodes(const Config& config, const fabric::Node& self,
                    const std::vector<fabric::Node>& remote) {
  const Selector& reflectors = config.bgp.reflectors;
  if (reflectors.empty() && !config.bgp.mesh) return {};
  Addresses result;
  for (const fabric::Node& node : remote) {
    if (backend_of(config, node) != fabric::Backend::bgp) continue;
    if (reflectors.empty() || selects(reflectors, self) || selects(reflectors, node))
      result.insert(node.addresses.begin(), node.addresses.end());
  }
  return result;
}

bool has_session(const BgpPeer& peer, const fabric::Node& self) {
  return peer.node.empty() ? selects(peer.nodes, self) : peer.node == self.name;
}

void add_bgp(std::vector<Opening>& openings, const Config& config, const fabric::Node& self,
             const std::vector<fabric::Node>& remote) {
  Opening bgp{.what = "BGP from this node's peers", .protocol = "tcp", .port = kBgp};
  Opening near{.what = "BFD from peers on the link", .protocol = "udp", .port = kBfdSingleHop};
  Opening far{.what = "BFD from peers further away", .protocol = "udp", .port = kBfdMultihop};
  bgp.sources = bgp_nodes(config, self, remote);
  if (config.bgp.bfd) near.sources = bgp.sources;
  for (const BgpPeer& peer : config.bgp.peers) {
    if (!has_session(peer, self)) continue;
    bgp.sources.insert(peer.address);
    if (peer.bfd.value_or(config.bgp.bfd))
      (peer.multihop > 0 ? far : near).sources.insert(peer.address);
  }
  openings.insert(openings.end(), {bgp, near, far});
}

/// The port of `host:port` or `[host]:port`, unless the host is a loopback address.
std::optional<std::uint16_t> public_port(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = base::IpAddress::parse(host);
  if (host == "localhost" || (address && address->is_loopback())) return std::nullopt;
  return static_cast<std::uint16_t>(std::stoul(listen.substr(colon + 1)));
}

std::vector<Opening> openings_of(const Config& config, const std::vector<fabric::Node>& nodes) {
  const fabric::Node self = self_of(config, nodes);
  const std::vector<fabric::Node> remote = others(nodes, self);
  std::vector<Opening> openings = tunnel_openings(config, self, remote);
  if (backend_of(config, self) == fabric::Backend::bgp) add_bgp(openings, config, self, remote);
  if (const auto port = public_port(config.listen))
    openings.push_back(
        {.what = "health and metrics", .protocol = "tcp", .port = *port, .anybody = true});
  std::erase_if(openings,
                [](const Opening& opening) { return opening.sources.empty() && !opening.anybody; });
  return openings;
}

std::string head(const Config& config, const std::string& load, const std::string& jump) {
  return "# What node \"" + config.node_name + "\" receives with backend " +
         std::string(fabric::word_of(config.fabric.backend)) + ".\n# Load it:   " + load +
         "\n# And once:  " + jump + "\n";
}

std::string nft_rule(const Opening& opening, int family) {
  std::string list;
  for (const base::IpAddress& source : opening.sources)
    if (source.family() == family) list += (list.empty() ? "" : ", ") + source.text();
  if (list.empty() && !opening.anybody) return {};
  const std::string from =
      opening.anybody ? "" : (family == AF_INET ? "ip saddr { " : "ip6 saddr { ") + list + " } ";
  return "\t\t" + from + opening.protocol + " dport " + std::to_string(opening.port) +
         " accept comment \"" + opening.what + "\"\n";
}

std::string nft_text(const Config& config, const std::vector<Opening>& openings) {
  // Declared, emptied, filled, in one transaction: loading it again replaces it.
  std::string text =
      head(config, "plumbd firewall | nft -f -", "nft insert rule inet filter input jump plumb") +
      "table inet filter {\n\tchain plumb {\n\t}\n}\n"
      "flush chain inet filter plumb\n"
      "table inet filter {\n\tchain plumb {\n";
  for (const Opening& opening : openings) {
    text += nft_rule(opening, AF_INET);
    if (!opening.anybody) text += nft_rule(opening, AF_INET6);
  }
  return text + "\t}\n}\n";
}

std::string iptables_rule(const Opening& opening, const base::IpAddress* source) {
  // iptables-restore skips lines with -6, ip6tables-restore those with -4.
  const std::string from =
      source ? (source->is_v4() ? "-4 " : "-6 ") + ("-A PLUMB-INPUT -s " + source->text()) + " "
             : "-A PLUMB-INPUT ";
  return from + "-p " + opening.protocol + " -m " + opening.protocol + " --dport " +
         std::to_string(opening.port) + " -m comment --comment \"" + opening.what +
         "\" -j ACCEPT\n";
}

std::string iptables_text(const Config& config, const std::vector<Opening>& openings) {
  // A chain that is declared is emptied first, even with --noflush.
  std::string text = head(config, "plumbd firewall --format iptables | iptables-restore --noflush",
                          "iptables -I INPUT -j PLUMB-INPUT (both also with ip6tables)") +
                     "*filter\n:PLUMB-INPUT - [0:0]\n";
  for (const Opening& opening : openings) {
    for (const base::IpAddress& source : opening.sources) text += iptables_rule(opening, &source);
    if (opening.anybody) text += iptables_rule(opening, nullptr);
  }
  return text + "COMMIT\n";
}

}  // namespace

std::optional<FirewallFormat> find_firewall_format(std::string_view word) {
  if (word == "nft") return FirewallFormat::nft;
  if (word == "iptables") return FirewallFormat::iptables;
  return std::nullopt;
}

std::string firewall_rules(const Config& config, const std::vector<fabric::Node>& nodes,
                           FirewallFormat format) {
  const std::vector<Opening> openings = openings_of(config, nodes);
  return format == FirewallFormat::nft ? nft_text(config, openings)
                                       : iptables_text(config, openings);
}

}  // namespace agent
