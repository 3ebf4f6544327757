// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/conf.h"

#include <netinet/in.h>

#include <algorithm>
#include <string_view>

#include "plugins/portmap/conditions.h"

namespace portmap {
namespace {

constexpr std::int64_t kLastPort = 65535;
constexpr std::int64_t kLastMarkBit = 31;

[[noreturn]] void refuse(const std::string& why, const std::string& details = {}) {
  throw cni::Error(cni::Code::invalid_config, why, details);
}

std::uint16_t parse_port(const json::Object& mapping, const char* key, const char* which) {
  const std::int64_t port = mapping.find_int(key).value_or(0);
  if (port < 1 || port > kLastPort)
    refuse(std::string("Invalid ") + which + " port number: " + std::to_string(port),
           mapping.path_of(key) + ": must be 1 to 65535");
  return static_cast<std::uint16_t>(port);
}

firewall::HostPort parse_mapping(const json::Object& mapping) {
  firewall::HostPort port;
  port.container_port = parse_port(mapping, "containerPort", "container");
  port.host_port = parse_port(mapping, "hostPort", "host");
  const std::string name = mapping.get_string("protocol", "tcp");
  const auto protocol = firewall::find_port_protocol(name);
  if (!protocol)
    refuse("Invalid protocol: \"" + name + "\"",
           mapping.path_of("protocol") + ": must be tcp, udp, sctp, dccp or udplite");
  port.protocol = *protocol;
  const std::string address = mapping.get_string("hostIP");
  if (address.empty()) return port;
  port.host_ip = base::IpAddress::parse(address);
  if (!port.host_ip)
    refuse("Invalid host IP: \"" + address + "\"",
           mapping.path_of("hostIP") + ": must be an IPv4 or IPv6 address, or none for all");
  return port;
}

/// The same mapping twice counts once; one host port with two destinations is refused.
void add_mapping(std::vector<firewall::HostPort>& mappings, const firewall::HostPort& port,
                 const std::string& where) {
  for (const firewall::HostPort& other : mappings) {
    if (other == port) return;
    if (other.protocol == port.protocol && other.host_port == port.host_port &&
        other.host_ip == port.host_ip)
      refuse("host port " + firewall::port_protocol_name(port.protocol) + " " +
                 std::to_string(port.host_port) + " is mapped twice",
             where + ": to container ports " + std::to_string(other.container_port) + " and " +
                 std::to_string(port.container_port));
  }
  mappings.push_back(port);
}

std::vector<firewall::HostPort> parse_mappings(const json::Object& config) {
  std::vector<firewall::HostPort> mappings;
  const auto entries = config.get_object("runtimeConfig").find_objects("portMappings");
  if (!entries) return mappings;
  for (const json::Object& entry : *entries)
    add_mapping(mappings, parse_mapping(entry), entry.path());
  return mappings;
}

/// An item may hold several words: the reference joins all items with blanks.
std::vector<std::string> parse_words(const json::Object& config, const char* key) {
  std::vector<std::string> words;
  for (const std::string& item : config.find_strings(key).value_or(std::vector<std::string>{})) {
    constexpr std::string_view kBlanks = " \t\n";
    for (std::size_t begin = item.find_first_not_of(kBlanks); begin != std::string::npos;) {
      const std::size_t end = std::min(item.find_first_of(kBlanks, begin), item.size());
      words.push_back(item.substr(begin, end - begin));
      begin = item.find_first_not_of(kBlanks, end);
    }
  }
  return words;
}

bool is_iptables_syntax(const std::vector<std::string>& words) {
  return !words.empty() && (words[0][0] == '-' || words[0][0] == '!');
}

/// The keys that only the backend that was not chosen understands.
std::string foreign_keys(const Conf& conf, Backend backend) {
  std::string keys;
  const auto note = [&](const char* key) { keys += (keys.empty() ? "" : " ") + std::string(key); };
  const auto is_foreign = [&](const std::vector<std::string>& words) {
    return !words.empty() && is_iptables_syntax(words) == (backend == Backend::nftables);
  };
  // In the order of the reference.
  if (backend == Backend::nftables && !conf.set_mark_chain.empty()) note("externalSetMarkChain");
  if (is_foreign(conf.conditions_v4)) note("conditionsV4");
  if (is_foreign(conf.conditions_v6)) note("conditionsV6");
  return keys;
}

Backend parse_backend(const json::Object& config, const Conf& conf) {
  const std::string name = config.get_string("backend");
  if (!name.empty() && name != "nftables" && name != "iptables")
    refuse("unrecognized backend \"" + name + "\"",
           "key backend: must be \"nftables\" or \"iptables\"");
  // Without `backend`, keys of iptables choose iptables, as in the reference.
  Backend backend = name == "iptables" ? Backend::iptables : Backend::nftables;
  if (name.empty() && !foreign_keys(conf, Backend::nftables).empty()) backend = Backend::iptables;
  const std::string foreign = foreign_keys(conf, backend);
  if (!foreign.empty()) {
    const bool nft = backend == Backend::nftables;
    refuse(std::string(nft ? "nftables" : "iptables") +
           " backend was requested but configuration contains " + (nft ? "iptables" : "nftables") +
           "-specific options [" + foreign + "]");
  }
  return backend;
}

int parse_mark_bit(const json::Object& config, const Conf& conf) {
  const auto bit = config.find_int("markMasqBit");
  if (bit && !conf.set_mark_chain.empty())
    refuse("Cannot specify externalSetMarkChain and markMasqBit");
  if (bit && (*bit < 0 || *bit > kLastMarkBit))
    refuse("MasqMarkBit must be between 0 and 31", "key markMasqBit is " + std::to_string(*bit));
  return static_cast<int>(bit.value_or(Conf{}.mark_bit));
}

}  // namespace

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf;
  conf.snat = config.get_bool("snat", true);
  conf.masq_all = config.get_bool("masqAll");
  conf.set_mark_chain = config.get_string("externalSetMarkChain");
  conf.conditions_v4 = parse_words(config, "conditionsV4");
  conf.conditions_v6 = parse_words(config, "conditionsV6");
  conf.backend = parse_backend(config, conf);
  conf.mark_bit = parse_mark_bit(config, conf);
  if (conf.backend == Backend::nftables) {
    parse_conditions(conf.conditions_v4, "conditionsV4");
    parse_conditions(conf.conditions_v6, "conditionsV6");
  }
  conf.mappings = parse_mappings(config);
  return conf;
}

std::vector<std::uint16_t> known_udp_ports(const cni::Request& request) noexcept {
  std::vector<std::uint16_t> ports;
  try {
    for (const firewall::HostPort& port : parse_mappings(request.config))
      if (port.protocol == IPPROTO_UDP) ports.push_back(port.host_port);
  } catch (const std::exception&) {
    // A removal finds the rules by their owner; a broken configuration only costs the hint.
  }
  return ports;
}

}  // namespace portmap
