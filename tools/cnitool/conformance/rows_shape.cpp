// SPDX-License-Identifier: Apache-2.0
// A10: the format of results in each version.
#include <algorithm>
#include <filesystem>

#include "tools/cnitool/conformance/attachment_calls.h"
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/shape.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

void expect_shape(Context& c, const Json& result, const std::string& version) {
  const std::vector<std::string> faults = shape_faults(result, version);
  std::string seen;
  for (const std::string& fault : faults) seen += fault + "; ";
  c.expect(faults.empty(), "result at " + version, "the shape of " + version, seen + result.dump());
}

/// ADD and DEL at every version of a family that the plugin has; `look` judges the result.
void for_family(Context& c, int family, void (*look)(Context&, const Json&, const std::string&)) {
  for (const std::string& version : c.subject().versions) {
    if (family_of(version) != family) continue;
    const Json result = c.add(c.call("ADD", version));
    if (result.is_object()) look(c, result, version);
    c.run(c.call("DEL", version).with("prevResult", result));
  }
}

void has_oldest_shape(Context& c) {
  for_family(c, 0, expect_shape);
}

void has_middle_shape(Context& c) {
  for_family(c, 1, expect_shape);
}

void has_newest_shape(Context& c) {
  for_family(c, 2, expect_shape);
}

void prints_dns_by_version(Context& c) {
  for (const int family : {0, 1, 2}) {
    for_family(c, family, [](Context& context, const Json& result, const std::string& version) {
      const bool wanted = family_of(version) < 2;
      context.expect(result.contains("dns") == wanted, "dns at " + version,
                     wanted ? "an object" : "none when empty", result.dump());
    });
  }
}

void names_the_array_ips(Context& c) {
  const Json result = c.add(c.call("ADD", "0.3.0"));
  c.expect(result.is_object() && !result.contains("ip"), "ADD at 0.3.0", "`ips`, not `ip`",
           result.dump());
}

/// The interface of the container matches what the kernel has.
void interface_matches_kernel(Context& c) {
  const Json result = c.add();
  const Json interface = container_interface(result, c.subject().ifname);
  const Json link = find_link(c.subject().ifname, kSandbox);
  if (!c.expect(interface.is_object() && link.is_object(), "ADD",
                "the interface in result and kernel", result.dump()))
    return;
  if (interface.contains("mtu")) {
    c.expect(interface["mtu"] == link["mtu"], "mtu of the result", link["mtu"].dump(),
             interface["mtu"].dump());
  }
}

void macs_match_kernel(Context& c) {
  const Json result = c.add();
  if (!result.is_object()) return;
  for (const Json& interface : result.value("interfaces", Json::array())) {
    const std::string name = interface.value("name", "");
    const Json link = find_link(name, interface.contains("sandbox") ? kSandbox : "");
    const std::string wanted = link.is_object() ? link.value("address", "") : "(no such link)";
    c.expect(interface.value("mac", "") == wanted, "mac of " + name, wanted, interface.dump());
  }
}

/// ADD with an IPAM double that answers `result`.
Json add_with_ipam(Context& c, const Json& result) {
  const Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.stdout", result.dump());
  return c.add(add);
}

Json ipam_result(const Json& routes) {
  return {{"cniVersion", "1.0.0"},
          {"ips", {{{"address", "10.77.0.2/24"}, {"gateway", "10.77.0.1"}}}},
          {"routes", routes}};
}

Json sandbox_routes(const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"-d", "route", "show"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return ip_json(arguments, kSandbox);
}

void installs_route_attributes(Context& c) {
  const Json route = {{"dst", "10.5.0.0/16"}, {"gw", "10.77.0.1"}, {"mtu", 1400}, {"advmss", 1360},
                      {"priority", 77},       {"table", 100},      {"scope", 0}};
  Json answer = ipam_result(Json::array({route}));
  answer["cniVersion"] = "1.1.0";
  const Json result = add_with_ipam(c, answer);
  if (!result.is_object()) return;
  Json echoed = result[Json::json_pointer("/routes/0")];
  if (!c.subject().keeps_subnets()) echoed["gw"] = route["gw"];
  c.expect(echoed == route, "the route in the result", route.dump(), echoed.dump());
  const Json kernel = sandbox_routes({"table", "100"});
  const std::string seen = kernel.dump();
  const bool installed =
      kernel.is_array() && kernel.size() == 1 && kernel[0].value("metric", 0) == 77 &&
      seen.find("1400") != std::string::npos && seen.find("1360") != std::string::npos;
  c.expect(installed, "the route in the kernel", "table 100, metric 77, mtu 1400, advmss 1360",
           seen);
}

void keeps_zero_table(Context& c) {
  Json answer = ipam_result(
      {{{"dst", "10.5.0.0/16"}, {"table", 0}, {"scope", 0}, {"priority", 0}, {"mtu", 0}}});
  answer["cniVersion"] = "1.1.0";
  const Json result = add_with_ipam(c, answer);
  if (!result.is_object()) return;
  const Json route = result[Json::json_pointer("/routes/0")];
  const bool kept = route.value("table", -1) == 0 && route.value("scope", -1) == 0;
  c.expect(kept && !route.contains("priority") && !route.contains("mtu"), "a route with zeros",
           "table and scope 0, neither priority nor mtu", route.dump());
}

void indexes_its_interfaces(Context& c) {
  const Json result = c.add();
  if (!result.is_object()) return;
  const Json interfaces = result.value("interfaces", Json::array());
  for (const Json& address : result.value("ips", Json::array())) {
    const bool numbered = address.contains("interface") &&
                          address["interface"].is_number_unsigned() &&
                          address["interface"] < interfaces.size();
    if (!c.expect(numbered, "ips[].interface", "an index into interfaces", result.dump())) continue;
    const std::string name = interfaces[address["interface"].get<std::size_t>()].value("name", "");
    c.expect(name == c.subject().ifname, "ips[].interface", "that of " + c.subject().ifname, name);
  }
}

void tolerates_odd_indices(Context& c) {
  Json odd = make_prev_result(c.subject().newest, kSandbox);
  odd["ips"][0]["interface"] = -1;
  const Json result = c.add(c.call("ADD").with("prevResult", odd));
  c.expect(result.is_object() && result.contains("ips"), "prevResult with interface -1",
           "passed through", result.dump());
  if (needs_host_end(c.subject())) return;
  c.run(c.call("DEL").with("prevResult", odd));
  odd.erase("interfaces");
  c.add(c.call("ADD").set("CNI_CONTAINERID", "c2").with("prevResult", odd));
}

void lists_every_device(Context& c) {
  const std::vector<std::string> before = link_names("");
  const Json result = c.add();
  if (!result.is_object()) return;
  std::vector<std::string> listed;
  for (const Json& interface : result.value("interfaces", Json::array())) {
    if (!interface.contains("sandbox")) listed.push_back(interface.value("name", ""));
  }
  for (const std::string& name : link_names("")) {
    if (std::find(before.begin(), before.end(), name) != before.end()) continue;
    c.expect(std::find(listed.begin(), listed.end(), name) != listed.end(), "interfaces",
             "host link " + name, result.dump());
  }
  if (!is_bridge(c.subject())) return;
  const bool ordered = listed.size() == 2 && listed[0] == "cnibr0" &&
                       result["interfaces"][2].value("name", "") == "eth0";
  c.expect(ordered, "interfaces", "bridge, host end, container end", result["interfaces"].dump());
}

void keeps_host_bits(Context& c) {
  for (const std::string& address : addresses_of(c.add())) {
    c.expect(!address.starts_with("10.88.0.0/") && address.find('/') != std::string::npos,
             "address of the result", "the host's address with prefix", address);
  }
}

void gateway_makes_no_route(Context& c) {
  if (!add_with_ipam(c, ipam_result(Json::array())).is_object()) return;
  const Json routes = sandbox_routes({"default"});
  // ptp reaches everything through the gateway by design, but must not make a default route.
  c.expect(routes.empty(), "an address with gateway and no routes", "no default route",
           routes.dump());
}

void completes_routes(Context& c) {
  const Json routes = {{{"dst", "10.5.0.0/16"}}, {{"dst", "10.6.0.0/16"}, {"gw", "10.77.0.9"}}};
  if (!add_with_ipam(c, ipam_result(routes)).is_object()) return;
  const Json first = sandbox_routes({"10.5.0.0/16"});
  c.expect(first.size() == 1 && first[0].value("gateway", "") == "10.77.0.1", "a route without gw",
           "via the gateway 10.77.0.1", first.dump());
  const Json second = sandbox_routes({"10.6.0.0/16"});
  c.expect(second.size() == 1 && second[0].value("gateway", "") == "10.77.0.9", "a route with gw",
           "via 10.77.0.9", second.dump());
}

void bears_another_default_route(Context& c) {
  const Call first = c.call("ADD").set("CNI_IFNAME", "eth8");
  c.add(on_network(first, 8));
  c.add(on_network(c.call("ADD").set("CNI_IFNAME", "eth9"), 9));
}

void adds_no_metric(Context& c) {
  if (!add_with_ipam(c, ipam_result({{{"dst", "10.5.0.0/16"}}})).is_object()) return;
  const Json routes = sandbox_routes({"10.5.0.0/16"});
  c.expect(routes.size() == 1 && !routes[0].contains("metric"), "a route without priority",
           "metric 0", routes.dump());
}

Json add_static(Context& c, const Json& address, const Json& routes) {
  Call add = c.call("ADD");
  add.config["ipam"]["addresses"] = {address};
  add.config["ipam"]["routes"] = routes;
  const Outcome outcome = c.run(add);
  return outcome.succeeded() ? parse_json(outcome.out) : Json(outcome.out);
}

void prints_canonical_addresses(Context& c) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"FD00:0:0:0::1/064", "fd00::1/64"},
      {"::ffff:1.2.3.4/120", "1.2.3.4/24"},
      {"10.0.0.2/24", "10.0.0.2/24"},
      {"2001:db8:0:0:1:0:0:1/64", "2001:db8::1:0:0:1/64"}};
  for (const auto& [given, wanted] : vectors) {
    const std::string seen = join(addresses_of(add_static(c, {{"address", given}}, Json::array())));
    c.expect(seen == wanted, "address " + given, wanted, seen);
  }
  const Json gateway =
      add_static(c, {{"address", "fd00::1/64"}, {"gateway", "FD00::00ff"}}, Json::array());
  c.expect(gateway.dump().find("\"fd00::ff\"") != std::string::npos, "gateway FD00::00ff",
           "fd00::ff", gateway.dump());
  const Json refused = add_static(c, {{"address", "10.0.0.02/24"}}, Json::array());
  c.expect(!refused.is_object(), "address 10.0.0.02/24", "an error", refused.dump());
}

void ignores_empty_gateway(Context& c) {
  const Json result = add_static(c, {{"address", "10.1.0.5/16"}, {"gateway", ""}},
                                 {{{"dst", "10.5.0.0/16"}, {"gw", ""}}});
  const bool absent = result.is_object() && !result["ips"][0].contains("gateway") &&
                      !result["routes"][0].contains("gw");
  c.expect(absent, "empty gateway and gw", "neither in the result", result.dump());
}

void echoes_route_destinations(Context& c) {
  const Json routes = {{{"dst", "10.1.2.3/8"}}, {{"dst", "fd00:1::5/32"}}};
  const Json result = add_static(c, {{"address", "10.1.0.5/16"}}, routes);
  const Json seen = result.is_object() ? result.value("routes", Json()) : result;
  c.expect(seen == routes, "routes with host bits", routes.dump(), seen.dump());
}

void prints_dns_sparsely(Context& c) {
  Call add = c.call("ADD");
  Json& holder = c.subject().is_ipam() ? add.config["ipam"] : add.config;
  holder["dns"] = {{"nameservers", {"192.0.2.53"}},
                   {"domain", ""},
                   {"search", Json::array()},
                   {"options", {"ndots:2"}}};
  const Json result = c.add(add);
  if (!result.is_object()) return;
  const Json wanted = {{"nameservers", {"192.0.2.53"}}, {"options", {"ndots:2"}}};
  c.expect(result.value("dns", Json()) == wanted, "dns", wanted.dump(),
           result.value("dns", Json()).dump());
}

void keeps_order(Context& c) {
  Call add = c.call("ADD");
  const Json routes = {
      {{"dst", "10.9.0.0/16"}}, {{"dst", "10.3.0.0/16"}}, {{"dst", "10.6.0.0/16"}}};
  add.config["ipam"]["routes"] = routes;
  const Json result = c.add(add);
  if (!result.is_object()) return;
  const Json& seen = result.value("routes", Json::array());
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const bool same = i < seen.size() && seen[i].value("dst", "") == routes[i]["dst"];
    c.expect(same, "routes of the result", "the order of the configuration", seen.dump());
  }
}

void omits_interfaces(Context& c) {
  const Json result = c.add();
  if (!result.is_object()) return;
  c.expect(!result.contains("interfaces"), "an IPAM result", "no interfaces", result.dump());
  for (const Json& address : result.value("ips", Json::array())) {
    c.expect(!address.contains("interface"), "an IPAM result", "no ips[].interface", result.dump());
  }
}

bool knows_addresses(const Subject& subject) {
  return subject.delegates() || subject.is_ipam();
}

bool delegates_at_1_1(const Subject& subject) {
  return subject.delegates() && subject.supports("1.1.0");
}

bool keeps_subnets(const Subject& subject) {
  return subject.delegates() && subject.keeps_subnets();
}

bool has_dns(const Subject& subject) {
  return is_bridge(subject) || subject.type == "ptp" || is_static(subject);
}

bool has_0_3(const Subject& subject) {
  return subject.supports("0.3.0");
}

}  // namespace

std::vector<Row> shape_rows() {
  return {{"S-113", anyone, has_oldest_shape},
          {"S-114", anyone, prints_dns_by_version},
          {"S-115", has_0_3, names_the_array_ips},
          {"S-116", anyone, has_middle_shape},
          {"S-117", anyone, has_newest_shape},
          {"S-118", attaches, interface_matches_kernel},
          {"S-119", delegates_at_1_1, installs_route_attributes},
          {"S-120", delegates_at_1_1, keeps_zero_table},
          {"S-121", attaches, indexes_its_interfaces},
          {"S-122", chained, tolerates_odd_indices},
          {"S-123", makes_link, lists_every_device},
          {"S-124", attaches, macs_match_kernel},
          {"S-125", anyone, keeps_host_bits},
          {"S-126", keeps_subnets, gateway_makes_no_route},
          {"S-127", keeps_subnets, completes_routes},
          {"S-128", delegates, bears_another_default_route},
          {"S-129", delegates, adds_no_metric},
          {"S-130", is_static, prints_canonical_addresses},
          {"S-131", is_static, ignores_empty_gateway},
          {"S-132", is_static, echoes_route_destinations},
          {"S-133", has_dns, prints_dns_sparsely},
          {"S-134", knows_addresses, keeps_order},
          {"S-135", ipam, omits_interfaces},
          {"S-136", anyone, has_newest_shape}};
}

}  // namespace conformance
