// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <initializer_list>
#include <iterator>

#include "libcni/json/result.h"

namespace json {
namespace {

using cni::Version;

constexpr auto kWrong = cni::Code::decoding_failure;
constexpr Version kFirstWithLists{0, 3, 0};  // `ips` and `interfaces` instead of `ip4` and `ip6`
constexpr Version kFirstWithLinkDetails{1, 0, 0};  // members of 1.1.0 are also read in 1.0.0

bool in_any_case(std::initializer_list<std::string_view> known, std::string_view key) {
  return std::ranges::any_of(known, [&](std::string_view name) { return same_key(name, key); });
}

cni::Extra unknown_members(const Object& object, std::initializer_list<std::string_view> known) {
  cni::Extra extra;
  for (const auto& key : object.keys())
    if (!in_any_case(known, key) && object.has_exactly(key)) extra[key] = object.text_of(key);
  return extra;
}

base::Prefix get_prefix(const Object& object, std::string_view key, cni::Code wrong = kWrong) {
  const auto prefix = base::Prefix::parse(object.get_string(key));
  if (!prefix) object.refuse(key, "an address with prefix length such as 10.1.0.5/16", wrong);
  return *prefix;
}

std::optional<base::IpAddress> find_address(const Object& object, std::string_view key,
                                            cni::Code wrong = kWrong) {
  const std::string text = object.get_string(key);
  if (text.empty()) return std::nullopt;
  const auto address = base::IpAddress::parse(text);
  if (!address) object.refuse(key, "an IP address", wrong);
  return address;
}

cni::Interface parse_interface(const Object& object, Version version) {
  cni::Interface interface {
    .name = object.get_string("name"), .mac = object.get_string("mac"),
    .sandbox = object.get_string("sandbox")
  };
  if (version < kFirstWithLinkDetails) {
    interface.extra = unknown_members(object, {"name", "mac", "sandbox"});
    return interface;
  }
  interface.mtu = object.find_uint("mtu");
  if (interface.mtu == 0u) interface.mtu.reset();
  interface.socket_path = object.get_string("socketPath");
  interface.pci_id = object.get_string("pciID");
  interface.extra =
      unknown_members(object, {"name", "mac", "sandbox", "mtu", "socketPath", "pciID"});
  return interface;
}

cni::IpConfig parse_ip(const Object& object) {
  cni::IpConfig ip{.address = get_prefix(object, "address"),
                   .gateway = find_address(object, "gateway")};
  if (const auto index = object.find_int("interface")) {
    if (*index < -1 || *index > std::numeric_limits<int>::max())
      object.refuse("interface", "an index into interfaces", kWrong);
    ip.interface = static_cast<int>(*index);
  }
  ip.extra = unknown_members(object, {"version", "address", "gateway", "interface"});
  return ip;
}

cni::Route parse_route(const Object& object, cni::Code wrong) {
  const auto dst = get_prefix(object, "dst", wrong);
  const auto gateway = find_address(object, "gw", wrong);
  if (gateway && gateway->family() != dst.address.family())
    object.refuse("gw", "an address of the same family as dst", wrong);
  return {.dst = dst,
          .gateway = gateway,
          .mtu = object.find_uint("mtu").value_or(0),
          .advmss = object.find_uint("advmss").value_or(0),
          .priority = object.find_uint("priority").value_or(0),
          .table = object.find_uint("table"),
          .scope = object.find_uint("scope"),
          .extra = unknown_members(object,
                                   {"dst", "gw", "mtu", "advmss", "priority", "table", "scope"})};
}

/// 0.1.0 and 0.2.0: one object per family.
void parse_families(const Object& object, cni::Result& result) {
  for (const char* key : {"ip4", "ip6"}) {
    const auto family = object.find_object(key);
    if (!family) continue;
    result.ips.push_back({.address = get_prefix(*family, "ip"),
                          .gateway = find_address(*family, "gateway"),
                          .extra = unknown_members(*family, {"ip", "gateway", "routes"})});
    std::ranges::copy(parse_routes(*family, kWrong), std::back_inserter(result.routes));
  }
}

void parse_lists(const Object& object, Version version, cni::Result& result) {
  for (const auto& interface : object.find_objects("interfaces").value_or(std::vector<Object>{}))
    result.interfaces.push_back(parse_interface(interface, version));
  const char* key = version == kFirstWithLists && !object.has("ips") ? "ip" : "ips";
  for (const auto& ip : object.find_objects(key).value_or(std::vector<Object>{}))
    result.ips.push_back(parse_ip(ip));
  result.routes = parse_routes(object, kWrong);
}

}  // namespace

std::vector<cni::Route> parse_routes(const Object& object, cni::Code wrong) {
  std::vector<cni::Route> routes;
  for (const auto& route : object.find_objects("routes").value_or(std::vector<Object>{}))
    routes.push_back(parse_route(route, wrong));
  return routes;
}

cni::Dns parse_dns(const Object& object) {
  return {.nameservers = object.find_strings("nameservers").value_or(std::vector<std::string>{}),
          .domain = object.get_string("domain"),
          .search = object.find_strings("search").value_or(std::vector<std::string>{}),
          .options = object.find_strings("options").value_or(std::vector<std::string>{}),
          .extra = unknown_members(object, {"nameservers", "domain", "search", "options"})};
}

cni::Result parse_result(const Object& object, cni::Version assumed) {
  const std::string label = object.has_exactly("cniVersion") ? object.get_string("cniVersion") : "";
  const auto version = label.empty() ? assumed : cni::find_supported(label);
  if (!version)
    throw cni::Error(cni::Code::incompatible_version,
                     "unsupported CNI result version \"" + label + "\"");
  cni::Result result;
  if (*version < kFirstWithLists)
    parse_families(object, result);
  else
    parse_lists(object, *version, result);
  result.dns = parse_dns(object.get_object("dns"));
  result.extra = unknown_members(
      object, {"cniVersion", "interfaces", "ips", "ip", "ip4", "ip6", "routes", "dns"});
  return result;
}

cni::Result parse_result(std::string_view text, cni::Version assumed, std::string_view what) {
  return parse_result(Object::parse(text, what), assumed);
}

std::optional<cni::Error> find_error(const Object& object) {
  const auto is_text = [&](const char* key) { return object.text_of(key).starts_with('"'); };
  const auto text = [&](const char* key) { return is_text(key) ? object.get_string(key) : ""; };
  const std::string code = object.text_of("code");
  if (code.empty() || code.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return cni::Error(static_cast<unsigned>(*object.find_uint("code")), text("msg"), text("details"));
}

}  // namespace json
