// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "libcni/json/result.h"
#include "libcni/json/writer.h"

namespace json {
namespace {

using cni::Version;

constexpr Version kFirstWithLists{0, 3, 0};  // `ips` and `interfaces` instead of `ip4` and `ip6`
constexpr Version kFirstWithoutFamily{1, 0, 0};  // no `ips[].version`, no empty `dns`
constexpr int kIndent = 4;

void print_strings(Writer& writer, std::string_view key, const std::vector<std::string>& strings) {
  if (strings.empty()) return;
  writer.open(key, '[');
  for (const auto& text : strings) writer.element(text);
  writer.close();
}

void print_optional(Writer& writer, std::string_view key, const std::string& text) {
  if (!text.empty()) writer.member(key, text);
}

void print_optional(Writer& writer, std::string_view key, std::uint64_t number) {
  if (number != 0) writer.member(key, number);
}

void print_dns(Writer& writer, const cni::Dns& dns, Version version) {
  if (dns.empty() && version >= kFirstWithoutFamily) return;
  writer.open("dns", '{');
  print_strings(writer, "nameservers", dns.nameservers);
  print_optional(writer, "domain", dns.domain);
  print_strings(writer, "search", dns.search);
  print_strings(writer, "options", dns.options);
  writer.members(dns.extra);
  writer.close();
}

void print_route(Writer& writer, const cni::Route& route, Version version) {
  writer.open('{');
  writer.member("dst", route.dst.text());
  if (route.gateway) writer.member("gw", route.gateway->text());
  if (version >= kFirstWithLists) {
    print_optional(writer, "mtu", route.mtu);
    print_optional(writer, "advmss", route.advmss);
    print_optional(writer, "priority", route.priority);
    if (route.table) writer.member("table", *route.table);
    if (route.scope) writer.member("scope", *route.scope);
  }
  writer.members(route.extra);
  writer.close();
}

template <typename Wanted>
void print_routes(Writer& writer, const cni::Result& result, Version version, Wanted wanted) {
  if (std::ranges::none_of(result.routes, wanted)) return;
  writer.open("routes", '[');
  for (const auto& route : result.routes)
    if (wanted(route)) print_route(writer, route, version);
  writer.close();
}

void print_interface(Writer& writer, const cni::Interface& interface, Version version) {
  writer.open('{');
  writer.member("name", interface.name);
  print_optional(writer, "mac", interface.mac);
  if (version >= kFirstWithoutFamily) print_optional(writer, "mtu", interface.mtu.value_or(0));
  print_optional(writer, "sandbox", interface.sandbox);
  if (version >= kFirstWithoutFamily) {
    print_optional(writer, "socketPath", interface.socket_path);
    print_optional(writer, "pciID", interface.pci_id);
  }
  writer.members(interface.extra);
  writer.close();
}

void print_ip(Writer& writer, const cni::IpConfig& ip, Version version) {
  writer.open('{');
  if (version < kFirstWithoutFamily)
    writer.member("version", ip.address.address.is_v4() ? "4" : "6");
  if (ip.interface) writer.member("interface", std::int64_t{*ip.interface});
  writer.member("address", ip.address.text());
  if (ip.gateway) writer.member("gateway", ip.gateway->text());
  writer.members(ip.extra);
  writer.close();
}

void print_lists(Writer& writer, const cni::Result& result, Version version) {
  if (!result.interfaces.empty()) {
    writer.open("interfaces", '[');
    for (const auto& interface : result.interfaces) print_interface(writer, interface, version);
    writer.close();
  }
  if (!result.ips.empty()) {
    writer.open("ips", '[');
    for (const auto& ip : result.ips) print_ip(writer, ip, version);
    writer.close();
  }
  print_routes(writer, result, version, [](const cni::Route&) { return true; });
}

const cni::IpConfig* first_of_family(const cni::Result& result, bool v4) {
  const auto ip = std::ranges::find_if(
      result.ips, [&](const cni::IpConfig& each) { return each.address.address.is_v4() == v4; });
  return ip == result.ips.end() ? nullptr : &*ip;
}

/// 0.1.0 and 0.2.0: the first address of each family, and the routes of that family.
void print_families(Writer& writer, const cni::Result& result, Version version) {
  if (result.ips.empty())
    throw cni::Error(cni::Code::invalid_config, "cannot convert: no valid IP addresses",
                     "a result of CNI version " + version.text() + " needs an address");
  for (const bool v4 : {true, false}) {
    const cni::IpConfig* ip = first_of_family(result, v4);
    if (ip == nullptr) continue;
    writer.open(v4 ? "ip4" : "ip6", '{');
    writer.member("ip", ip->address.text());
    if (ip->gateway) writer.member("gateway", ip->gateway->text());
    print_routes(writer, result, version,
                 [&](const cni::Route& route) { return route.dst.address.is_v4() == v4; });
    writer.members(ip->extra);
    writer.close();
  }
}

std::string print(const cni::Result& result, Version version, int indent) {
  Writer writer(indent);
  writer.open('{');
  writer.member("cniVersion", version.text());
  if (version < kFirstWithLists)
    print_families(writer, result, version);
  else
    print_lists(writer, result, version);
  print_dns(writer, result.dns, version);
  writer.members(result.extra);
  writer.close();
  return writer.text();
}

}  // namespace

std::string print_result(const cni::Result& result, cni::Version version) {
  return print(result, version, kIndent);
}

std::string print_result_compact(const cni::Result& result, cni::Version version) {
  return print(result, version, 0);
}

void require_expressible(const cni::Result& result, cni::Version version) {
  if (version >= kFirstWithLists) return;
  const auto v4 = std::ranges::count_if(
      result.ips, [](const cni::IpConfig& ip) { return ip.address.address.is_v4(); });
  const auto v6 = std::ssize(result.ips) - v4;
  if (v4 + v6 > 0 && v4 <= 1 && v6 <= 1) return;
  throw cni::Error(cni::Code::invalid_config,
                   "a result of cniVersion " + version.text() +
                       " holds one address per family: this one has " + std::to_string(v4) +
                       " of IPv4 and " + std::to_string(v6) + " of IPv6",
                   "use cniVersion 0.3.1 or newer");
}

std::string print_error(const cni::Error& error, cni::Version version) {
  Writer writer(kIndent);
  writer.open('{');
  writer.member("cniVersion", version.text());
  writer.member("code", static_cast<std::uint64_t>(error.code()));
  writer.member("msg", error.what());
  print_optional(writer, "details", error.details());
  writer.close();
  return writer.text();
}

std::string print_versions(std::span<const cni::Version> versions) {
  Writer writer;
  writer.open('{');
  writer.member("cniVersion", versions.back().text());
  writer.open("supportedVersions", '[');
  for (const auto& version : versions) writer.element(version.text());
  writer.close();
  writer.close();
  return writer.text() + '\n';
}

}  // namespace json
