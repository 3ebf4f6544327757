// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/render.h"

#include <sys/socket.h>

#include <algorithm>
#include <sstream>

#include "agent/drivers/bird/names.h"
#include "libcni/fabric/desired.h"

namespace agent::bird {
namespace {

// By default one dead peer would delay every route of a restarted node by 240 s.
constexpr int kRestartWait = 15;
constexpr int kRestartTime = 30;
constexpr int kScanSeconds = 10;
constexpr std::string_view kNever = "false";
constexpr std::string_view kTtlSecurityOn = "  ttl security on;\n";
constexpr std::string_view kBfdOn = "  bfd on;\n";
constexpr std::string_view kFirstWords = "# Written by plumbd";
constexpr std::string_view kSessionStart = "\nprotocol bgp '";
// Above BGP's preference (100): the route to a local pod wins over routes that others announce.
constexpr int kLocalPreference = 200;

std::string digit(int family) {
  return family == AF_INET ? "4" : "6";
}
std::string channel(int family) {
  return family == AF_INET ? "ipv4" : "ipv6";
}
int bits(int family) {
  return family == AF_INET ? 32 : 128;
}

/// `[ 10.0.0.0/8+, ... ]`, and a condition that is never true for no prefixes: BIRD has no empty
/// set.
std::string in_set(const std::vector<std::string>& patterns) {
  std::string set;
  for (const std::string& each : patterns) set += (set.empty() ? "" : ", ") + each;
  return set.empty() ? std::string(kNever) : "net ~ [ " + set + " ]";
}

std::string braced(const base::Prefix& prefix, int least, int most) {
  return prefix.text() + "{" + std::to_string(std::max(prefix.length, least)) + "," +
         std::to_string(most) + "}";
}

std::string singles(const std::vector<base::Prefix>& ranges, int family) {
  std::vector<std::string> patterns;
  for (const base::Prefix& range : ranges)
    patterns.push_back(braced(range, bits(family), bits(family)));
  return in_set(patterns);
}

std::string never(const Filters& filters) {
  std::vector<std::string> patterns;
  for (const base::Prefix& own : filters.own) {
    patterns.push_back(own.text() + "+");
    patterns.push_back(own.text() + "-");
  }
  for (const base::Prefix& net : filters.refused) patterns.push_back(net.text() + "+");
  return in_set(patterns);
}

std::string exactly(const std::vector<base::Prefix>& ranges, int family) {
  std::vector<std::string> patterns;
  for (const base::Prefix& range : ranges)
    if (range.address.family() == family) patterns.push_back(range.network().text());
  return in_set(patterns);
}

std::string inside(const std::vector<base::Prefix>& ranges) {
  std::vector<std::string> patterns;
  for (const base::Prefix& range : ranges) patterns.push_back(range.text() + "+");
  return in_set(patterns);
}

std::string node_ranges(const Filters& filters) {
  std::vector<std::string> patterns;
  for (const base::Prefix& range : filters.cluster)
    if (filters.longest > 0 && range.length <= filters.longest)
      patterns.push_back(braced(range, filters.shortest, filters.longest));
  return in_set(patterns);
}

std::vector<base::Prefix> pod_ranges(const Filters& filters) {
  std::vector<base::Prefix> out = filters.cluster;
  out.insert(out.end(), filters.floating.begin(), filters.floating.end());
  return out;
}

/// The routes that one node may announce, beside floating ones.
std::string of_node(const std::vector<base::Prefix>& ranges, int family) {
  const std::string own = exactly(ranges, family);
  return own == kNever ? "unclaimed" + digit(family) + "()" : own;
}

/// Functions for sessions with nodes. BIRD reads an IPv6 address and a colon without a space as one
/// word.
std::string functions_for_nodes(const Filters& filters) {
  const std::string f = digit(filters.family);
  const std::string unclaimed = filters.claimed ? singles(filters.cluster, filters.family) +
                                                      " && !(" + inside(*filters.claimed) + ")"
                                                : std::string(kNever);
  std::string out = "function floating" + f + "() {\n  return " +
                    singles(filters.floating, filters.family) + ";\n}\nfunction unclaimed" + f +
                    "() {\n  return " + unclaimed + ";\n}\nfunction of_client" + f + "() {\n";
  if (filters.clients.empty()) return out + "  return false;\n}\n";
  out += "  case from {\n";
  for (const Client& client : filters.clients)
    out += "    " + client.address.text() + " : return " + of_node(client.ranges, filters.family) +
           ";\n";
  return out + "    else: return false;\n  }\n}\n";
}

/// Static routes to announce; they are not exported to the kernel.
std::string announcement(const std::string& name, const std::vector<base::Prefix>& prefixes,
                         int family) {
  std::string out = "protocol static " + name + digit(family) + " {\n  " + channel(family) + ";\n";
  for (const base::Prefix& each : prefixes) out += "  route " + each.text() + " blackhole;\n";
  return out + "}\n";
}

/// Keeps routes out of the kernel that would win over plumbd's.
std::string export_filter(const Filters& filters) {
  if (filters.routed.empty()) return "";
  std::vector<std::string> patterns;
  for (const base::Prefix& range : filters.routed)
    patterns.push_back(braced(range, range.length, std::max(filters.routed_longest, range.length)));
  return "filter not_of_plumbd" + digit(filters.family) + " {\n  if source != RTS_BGP || " +
         in_set(patterns) + " then reject;\n  accept;\n}\n";
}

std::string filters_of(const Filters& filters) {
  const std::string f = digit(filters.family);
  std::string out = "\n# " + std::string(filters.family == AF_INET ? "IPv4" : "IPv6") + "\n";
  std::vector<base::Prefix> services;
  for (const base::IpAddress& each : filters.services) services.push_back(base::host_prefix(each));
  out += announcement("own", filters.own, filters.family);
  out += announcement("services", services, filters.family);
  out += "function foreign" + f + "() {\n  return net.len = 0 || " + never(filters) + ";\n}\n";
  out += "function of_cluster" + f + "() {\n  return " + node_ranges(filters) + " || " +
         singles(pod_ranges(filters), filters.family) + ";\n}\n";
  out += "filter pods" + f + " {\n  if krt_source = " + std::to_string(fabric::kProtocolPod) +
         " && !foreign" + f + "() && " + singles(pod_ranges(filters), filters.family) +
         " then {\n    preference = " + std::to_string(kLocalPreference) +
         ";\n    accept;\n  }\n  reject;\n}\n";
  out += functions_for_nodes(filters);
  // Sessions that an earlier version wrote, and that are kept, name it.
  out += "filter import" + f + " {\n  if foreign" + f + "() then reject;\n  if of_cluster" + f +
         "() then accept;\n  reject;\n}\n";
  out += export_filter(filters);
  out += "protocol kernel kernel" + f + " {\n  persist;\n  graceful restart on;\n  learn;\n" +
         "  merge paths on;\n  scan time " + std::to_string(kScanSeconds) + ";\n  " +
         channel(filters.family) + " {\n    import filter pods" + f + ";\n    export " +
         (filters.routed.empty() ? "where source = RTS_BGP" : "filter not_of_plumbd" + f) +
         ";\n  };\n}\n";
  return out;
}

std::string addition(const std::string& community) {
  std::string numbers = community;
  std::ranges::replace(numbers, ':', ',');
  const bool large = std::ranges::count(numbers, ',') == 2;
  return std::string(large ? "bgp_large_community" : "bgp_community") + ".add((" + numbers + "));";
}

std::string accepted_of(const Session& session, int family) {
  const std::string f = digit(family);
  if (session.accepts == Accepts::clients) return "floating" + f + "() || of_client" + f + "()";
  if (session.accepts == Accepts::node)
    return "floating" + f + "() || " + of_node(session.node_ranges, family);
  std::vector<base::Prefix> more;
  for (const base::Prefix& range : session.import_ranges)
    if (range.address.family() == family) more.push_back(range.network());
  return "of_cluster" + f + "()" + (more.empty() ? "" : " || " + inside(more));
}

/// With `block` a session stays up, and what is over the limit is treated as filtered. Any other
/// action would end the session, and routes that are in use, at the other end's will.
std::string import_of(const Session& session, int family) {
  const int limit = session.accepts == Accepts::cluster ? kRoutesOfCluster : kRoutesOfNode;
  return "import where !foreign" + digit(family) + "() && (" + accepted_of(session, family) +
         ");\n    import limit " + std::to_string(limit) + " action block";
}

/// The only routes that leave: those of this node, and at reflectors those of other nodes.
std::string export_of(const Session& session, int family, const std::string& indent) {
  const std::string f = digit(family);
  std::string condition = "proto = \"own" + f + "\" || source = RTS_INHERIT";
  if (session.external) condition += " || proto = \"services" + f + "\"";
  if (session.reflected)
    condition += " || (source = RTS_BGP && proto !~ \"peer.*\" && of_cluster" + f + "())";
  if (session.communities.empty()) return "export where " + condition;
  std::string out = "export filter {\n" + indent + "  if " + condition + " then {\n";
  for (const std::string& community : session.communities)
    out += indent + "    " + addition(community) + "\n";
  return out + indent + "    accept;\n" + indent + "  }\n" + indent + "  reject;\n" + indent + "}";
}

std::string channel_of(const Session& session, int family) {
  std::string out = "  " + channel(family) + " {\n    " + import_of(session, family) + ";\n    " +
                    export_of(session, family, "    ") + ";\n";
  // Packets between two other nodes do not pass through a reflector.
  out += session.reflected ? "    next hop keep;\n" : "    next hop self;\n";
  out += "    gateway recursive;\n";
  if (family == AF_INET && !session.local.is_v4()) out += "    extended next hop on;\n";
  return out + "  };\n";
}

std::string timers_of(const Session& session) {
  return "  hold time " + std::to_string(session.hold) + ";\n  keepalive time " +
         std::to_string(session.hold / 3) + ";\n  connect delay time " +
         std::to_string(session.connect_delay) +
         ";\n  connect retry time 5;\n  error wait time 1, 30;\n";
}

std::string reach_of(const Session& session) {
  if (session.hops == 0) return "  direct;\n";
  return session.hops == 255 ? "  multihop;\n"
                             : "  multihop " + std::to_string(session.hops) + ";\n";
}

std::string neighbor_of(const Session& session) {
  std::string out = "  neighbor ";
  out += session.neighbor ? session.neighbor->text() : "range " + session.range->text();
  if (session.port != 179) out += " port " + std::to_string(session.port);
  out += " as " + std::to_string(session.remote_as) + ";\n";
  if (!session.neighbor) out += "  dynamic name \"" + session.name + "_\";\n";
  return out;
}

std::string session_of(const Session& session, const Configuration& desired,
                       const Secrets& secrets) {
  std::string out = std::string(kSessionStart) + session.name + "' {\n  local " +
                    session.local.text() + " as " + std::to_string(session.local_as) + ";\n" +
                    neighbor_of(session) + reach_of(session);
  if (session.passive) out += "  passive;\n";
  if (session.rr_client)
    out += "  rr client;\n  rr cluster id " + dotted(desired.cluster_id) + ";\n";
  out += timers_of(session);
  out += session.graceful_restart ? "  graceful restart on;\n  graceful restart time " +
                                        std::to_string(kRestartTime) + ";\n"
                                  : std::string("  graceful restart aware;\n");
  if (session.bfd) out += kBfdOn;
  if (session.ttl_security) out += kTtlSecurityOn;
  // External routers pass on routes of other nodes of this AS; this node's own ranges are filtered.
  if (session.external) out += "  allow local as;\n";
  if (!session.password_file.empty())
    out += "  password \"" + secrets.at(session.password_file) + "\";\n";
  for (const int family : session.families) out += channel_of(session, family);
  return out + "}\n";
}

std::string bfd_of(const Configuration& desired) {
  const auto has_bfd = [](const std::string& session) {
    return session.find(kBfdOn) != std::string::npos;
  };
  if (std::ranges::none_of(desired.sessions, &Session::bfd) &&
      std::ranges::none_of(desired.kept, has_bfd))
    return "";
  const std::string times = "{\n    interval " + std::to_string(desired.bfd_interval_ms) +
                            " ms;\n    multiplier " + std::to_string(desired.bfd_multiplier) +
                            ";\n  };\n";
  return "protocol bfd {\n  interface \"*\" " + times + "  multihop " + times + "}\n";
}

}  // namespace

std::string render(const Configuration& desired, const Secrets& secrets) {
  std::string out = std::string(kFirstWords);
  out +=
      ", which replaces it on every change. Contains the passwords of peers.\n"
      "log stderr { info, remote, warning, error, auth, fatal, bug };\n"
      "timeformat protocol iso long;\n"
      "router id " +
      dotted(desired.router_id) + ";\ngraceful restart wait " + std::to_string(kRestartWait) +
      ";\n\nprotocol device {\n  scan time " + std::to_string(kScanSeconds) + ";\n}\n";
  // Without it next hops stay unresolved, and routes unreachable.
  out += "protocol direct underlay {\n  ipv4;\n  ipv6;\n  interface \"" +
         desired.underlay_interface + "\";\n}\n" + bfd_of(desired);
  for (const Filters& filters : desired.families) out += filters_of(filters);
  for (const Session& session : desired.sessions) out += session_of(session, desired, secrets);
  for (const std::string& session : desired.kept) out += session;
  return out;
}

bool is_rendered(std::string_view text) {
  return text.find(kFirstWords) != std::string_view::npos;
}

std::map<std::string, std::string> find_sessions(const std::string& configuration) {
  constexpr std::string_view kEnd = "\n}\n";
  std::map<std::string, std::string> sessions;
  std::size_t start = configuration.find(kSessionStart);
  while (start != std::string::npos) {
    const std::size_t name = start + kSessionStart.size();
    const std::size_t end = configuration.find(kEnd, name);
    if (end == std::string::npos) break;
    sessions.emplace(configuration.substr(name, configuration.find('\'', name) - name),
                     configuration.substr(start, end + kEnd.size() - start));
    start = configuration.find(kSessionStart, end);
  }
  return sessions;
}

std::string find_agreement(const std::string& configuration, const std::string& session) {
  const std::size_t start = configuration.find(std::string(kSessionStart) + session + "' {\n");
  if (start == std::string::npos) return "";
  // Nodes change together. A router that does not use it is a mistake in the configuration.
  const bool is_of_node = !session.starts_with("peer.");
  std::istringstream block(configuration.substr(start + 1));
  std::string out;
  for (std::string line; std::getline(block, line) && line != "}";)
    if (line.starts_with("  local ") || line.starts_with("  neighbor ") ||
        line.starts_with("  password ") || (is_of_node && kTtlSecurityOn.starts_with(line)))
      out += line + "\n";
  return out;
}

}  // namespace agent::bird
