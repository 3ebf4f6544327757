// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/firewall.h"

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <tuple>
#include <utility>

#include "agent/config/endpoint.h"
#include "agent/drivers/bird/plan.h"
#include "agent/obstacles/forward_drops.h"

namespace agent {
namespace {

constexpr std::uint16_t kBgp = 179;
constexpr std::uint16_t kBfdSingleHop = 3784;  // RFC 5881
constexpr std::uint16_t kBfdMultihop = 4784;   // RFC 5883

/// One port that has to be reachable. With `sources` empty and `anybody` unset it stays closed.
struct Opening {
  std::string what;
  std::string protocol;
  std::uint16_t port = 0;
  std::vector<base::Prefix> sources = {};
  bool anybody = false;
};

/// The same port and addresses that this node's own table accepts.
std::vector<Opening> tunnel_openings(const fabric::Desired& desired) {
  std::vector<Opening> openings;
  for (const std::uint16_t port : desired.traffic->vxlan_ports) {
    Opening tunnel{.what = "VXLAN from the other nodes", .protocol = "udp", .port = port};
    for (const base::IpAddress& vtep : desired.traffic->vteps)
      tunnel.sources.push_back(base::host_prefix(vtep));
    openings.push_back(std::move(tunnel));
  }
  return openings;
}

/// The peers from which BIRD expects sessions.
void add_bgp(std::vector<Opening>& openings, const bird::Configuration& desired) {
  Opening bgp{.what = "BGP from this node's peers", .protocol = "tcp", .port = kBgp};
  Opening near{.what = "BFD from peers on the link", .protocol = "udp", .port = kBfdSingleHop};
  Opening far{.what = "BFD from peers further away", .protocol = "udp", .port = kBfdMultihop};
  for (const bird::Session& session : desired.sessions) {
    const base::Prefix from = session.range ? *session.range : base::host_prefix(*session.neighbor);
    bgp.sources.push_back(from);
    if (session.bfd) (session.hops == 0 ? near : far).sources.push_back(from);
  }
  openings.insert(openings.end(), {bgp, near, far});
}

/// Sorts sources and removes those inside another: sets refuse overlaps.
std::vector<base::Prefix> distinct(std::vector<base::Prefix> sources) {
  std::ranges::sort(sources, [](const base::Prefix& a, const base::Prefix& b) {
    return std::tie(a.address, a.length) < std::tie(b.address, b.length);
  });
  std::vector<base::Prefix> result;
  for (const base::Prefix& source : sources)
    if (result.empty() || !result.back().contains(source.address)) result.push_back(source);
  return result;
}

std::vector<Opening> openings_of(const Config& config, const State& state) {
  std::vector<Opening> openings =
      tunnel_openings(fabric::plan(state.self, state.cluster.nodes, state.options, state.underlay));
  const bird::Place place{state.self, state.underlay, state.options};
  if (bird::speaks_bgp(config.bgp, place))
    add_bgp(openings, bird::plan(config.bgp, state.cluster, place));
  if (!config.listen.empty() && !is_socket_path(config.listen))
    if (const Endpoint health = parse_endpoint(config.listen); !health.address.is_loopback())
      openings.push_back(
          {.what = "health and metrics", .protocol = "tcp", .port = health.port, .anybody = true});
  std::erase_if(openings,
                [](const Opening& opening) { return opening.sources.empty() && !opening.anybody; });
  for (Opening& opening : openings) opening.sources = distinct(std::move(opening.sources));
  return openings;
}

std::string head(const State& state, const std::string& load, const std::string& jump) {
  return "# Packets that node \"" + state.self.name + "\" receives with backend " +
         std::string(fabric::word_of(state.options.backend)) + ".\n# Load it:   " + load +
         "\n# And once:  " + jump + "\n";
}

std::string text_of(const base::Prefix& source) {
  return source.length == source.address.bits() ? source.address.text() : source.text();
}

std::string nft_rule(const Opening& opening, int family) {
  std::string list;
  for (const base::Prefix& source : opening.sources)
    if (source.address.family() == family) list += (list.empty() ? "" : ", ") + text_of(source);
  if (list.empty() && !opening.anybody) return {};
  const std::string from =
      opening.anybody ? "" : (family == AF_INET ? "ip saddr { " : "ip6 saddr { ") + list + " } ";
  return "\t\t" + from + opening.protocol + " dport " + std::to_string(opening.port) +
         " accept comment \"" + opening.what + "\"\n";
}

std::string nft_text(const State& state, const std::vector<Opening>& openings) {
  // Declares, empties and fills the chain in one transaction: loading it again replaces it.
  std::string text =
      head(state, "plumbd firewall | nft -f -", "nft insert rule inet filter input jump plumb") +
      "table inet filter {\n\tchain plumb {\n\t}\n}\n"
      "flush chain inet filter plumb\n"
      "table inet filter {\n\tchain plumb {\n";
  for (const Opening& opening : openings) {
    text += nft_rule(opening, AF_INET);
    if (!opening.anybody) text += nft_rule(opening, AF_INET6);
  }
  return text + "\t}\n}\n";
}

/// Returns whether nft reads the text as a name.
bool is_identifier(const std::string& name) {
  return !name.empty() && std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
         std::ranges::all_of(name, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '/' || c == '-' || c == '_' || c == '.';
         });
}

/// A chain beside another program's chain, with accepts for packets that the latter drops.
std::string forward_text(const fabric::ForwardDrop& guard) {
  const std::string about = "# " + name_of(guard) + " drops forwarded packets of pods.\n";
  if (!is_identifier(guard.table.name) || !is_identifier(guard.chain))
    return about + "# nft cannot write its name: accept " + text_of(guard.ranges.front()) +
           " and the other ranges of pods in it yourself.\n";
  const std::string table = std::string(word_of(guard.table.family)) + " " + guard.table.name;
  std::string text = about + "# And once:  nft insert rule " + table + " " + guard.chain +
                     " jump plumb-forward\ntable " + table +
                     " {\n\tchain plumb-forward {\n\t}\n}\nflush chain " + table +
                     " plumb-forward\ntable " + table + " {\n\tchain plumb-forward {\n";
  for (const base::Prefix& range : guard.ranges)
    for (const char* end : {" saddr ", " daddr "})
      text += std::string("\t\t") + (range.address.is_v4() ? "ip" : "ip6") + end + text_of(range) +
              " accept comment \"pods of the cluster\"\n";
  return text + "\t}\n}\n";
}

std::string iptables_rule(const Opening& opening, const base::Prefix* source) {
  // iptables-restore skips lines with -6, ip6tables-restore those with -4.
  const std::string from = source ? (source->address.is_v4() ? "-4 " : "-6 ") +
                                        ("-A PLUMB-INPUT -s " + text_of(*source)) + " "
                                  : "-A PLUMB-INPUT ";
  return from + "-p " + opening.protocol + " -m " + opening.protocol + " --dport " +
         std::to_string(opening.port) + " -m comment --comment \"" + opening.what +
         "\" -j ACCEPT\n";
}

std::string iptables_text(const State& state, const std::vector<Opening>& openings) {
  // Declaring a chain empties it, even with --noflush.
  std::string text = head(state, "plumbd firewall --format iptables | iptables-restore --noflush",
                          "iptables -I INPUT -j PLUMB-INPUT (both also with ip6tables)") +
                     "*filter\n:PLUMB-INPUT - [0:0]\n";
  for (const Opening& opening : openings) {
    for (const base::Prefix& source : opening.sources) text += iptables_rule(opening, &source);
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

std::string firewall_rules(const Config& config, const State& state, FirewallFormat format,
                           std::span<const fabric::ForwardDrop> guards) {
  const std::vector<Opening> openings = openings_of(config, state);
  std::string text =
      format == FirewallFormat::nft ? nft_text(state, openings) : iptables_text(state, openings);
  for (const fabric::ForwardDrop& guard : guards)
    text += format == FirewallFormat::nft ? forward_text(guard)
                                          : "# " + name_of(guard) +
                                                " drops forwarded packets of pods: load the rules "
                                                "of plumbd firewall --format nft\n";
  return text;
}

}  // namespace agent
