// SPDX-License-Identifier: Apache-2.0
// A11: conversion of results, seen through a chained plugin that passes prevResult on.
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/shape.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

/// ADD at `version` that only has to pass `previous`, its prevResult, on.
Outcome pass(Context& c, const Json& previous, const std::string& version) {
  Call add = c.call("ADD", version.empty() ? "0.1.0" : version)
                 .with("prevResult", previous)
                 .without("runtimeConfig");
  return c.run(add.with("cniVersion", version));
}

void expect_conversion(Context& c, const Json& previous, const std::string& version,
                       const Json& wanted) {
  const std::string what = previous.value("cniVersion", "") + " to \"" + version + "\"";
  const Outcome outcome = pass(c, previous, version);
  const Json seen = outcome.succeeded() ? parse_json(outcome.out) : Json();
  c.expect(seen == wanted, what, wanted.dump(), describe(outcome));
}

/// The input of vectors H-4 to H-6.
Json full_result() {
  return Json::parse(R"({"cniVersion":"1.1.0",
    "interfaces":[{"name":"e","mtu":5,"socketPath":"/s","pciID":"p"}],
    "ips":[{"address":"1.2.3.4/24","gateway":"1.2.3.1","interface":0},{"address":"1.2.3.5/24"},{"address":"fd00::1/64"}],
    "routes":[{"dst":"0.0.0.0/0","gw":"1.2.3.1","mtu":1,"advmss":2,"priority":3,"table":0,"scope":0},{"dst":"::/0"}],
    "dns":{"domain":"d"}})");
}

Json old_result() {
  return Json::parse(R"({"cniVersion":"0.1.0",
    "ip4":{"ip":"1.2.3.4/24","routes":[{"dst":"10.0.0.0/8","gw":"1.2.3.1"}]},"ip6":{"ip":"fd00::1/64"}})");
}

void converts_every_pair(Context& c) {
  for (const std::string& from : c.subject().versions) {
    for (const std::string& to : c.subject().versions) {
      const Outcome outcome = pass(c, make_prev_result(from, kSandbox), to);
      c.run(c.call("DEL", to));  // vrf refuses an interface that it has already
      const std::string what = from + " to " + to;
      if (!c.expect_ok(outcome, what)) continue;
      const Json result = parse_json(outcome.out);
      const std::vector<std::string> faults = shape_faults(result, to);
      c.expect(faults.empty(), what, "the shape of " + to,
               (faults.empty() ? "" : faults[0] + ": ") + describe(outcome));
      c.expect(join(addresses_of(result)) == "10.99.0.2/24", what, "the address",
               describe(outcome));
      if (from == to) {
        c.expect(result == make_prev_result(from, kSandbox), what, "the same", describe(outcome));
      }
    }
  }
}

void lifts_old_results(Context& c) {
  Json wanted = Json::parse(R"({"cniVersion":"0.4.0",
    "ips":[{"version":"4","address":"1.2.3.4/24"},{"version":"6","address":"fd00::1/64"}],
    "routes":[{"dst":"10.0.0.0/8","gw":"1.2.3.1"}],"dns":{}})");
  expect_conversion(c, old_result(), "0.4.0", wanted);
  wanted = Json::parse(
      R"({"cniVersion":"1.1.0","ips":[{"address":"1.2.3.4/24"},{"address":"fd00::1/64"}],
    "routes":[{"dst":"10.0.0.0/8","gw":"1.2.3.1"}]})");
  expect_conversion(c, old_result(), "1.1.0", wanted);
}

void restamps_within_middle_family(Context& c) {
  const Json input = make_prev_result("0.4.0", kSandbox);
  for (const char* version : {"0.3.0", "0.3.1"}) {
    Json wanted = input;
    wanted["cniVersion"] = version;
    expect_conversion(c, input, version, wanted);
  }
}

void drops_versions_of_addresses(Context& c) {
  const Json input = Json::parse(R"({"cniVersion":"0.4.0",
    "ips":[{"version":"4","address":"1.2.3.4/24","interface":-1}],"routes":[{"dst":"::/0"}],"dns":{}})");
  const Json wanted = Json::parse(R"({"cniVersion":"1.0.0",
    "ips":[{"address":"1.2.3.4/24","interface":-1}],"routes":[{"dst":"::/0"}]})");
  expect_conversion(c, input, "1.0.0", wanted);
}

Json middle_of_full(const std::string& version) {
  Json wanted = full_result();
  wanted["cniVersion"] = version;
  wanted["interfaces"] = {{{"name", "e"}}};
  for (Json& address : wanted["ips"]) {
    address["version"] =
        address["address"].get<std::string>().find(':') == std::string::npos ? "4" : "6";
  }
  return wanted;
}

void adds_versions_to_addresses(Context& c) {
  for (const char* version : {"0.3.0", "0.3.1", "0.4.0"}) {
    const Outcome outcome = pass(c, full_result(), version);
    const Json result = parse_json(outcome.out);
    const Json wanted = middle_of_full(version);
    const bool same = result.is_object() &&
                      result.value("interfaces", Json()) == wanted["interfaces"] &&
                      result.value("ips", Json()) == wanted["ips"] &&
                      result.value("dns", Json()) == wanted["dns"];
    c.expect(same, "1.1.0 to " + std::string(version), wanted.dump(), describe(outcome));
  }
}

void keeps_route_extras(Context& c) {
  expect_conversion(c, full_result(), "0.4.0", middle_of_full("0.4.0"));
  Json wanted = full_result();
  wanted["cniVersion"] = "1.0.0";
  expect_conversion(c, full_result(), "1.0.0", wanted);
}

Json old_of_full(const std::string& version) {
  Json wanted = Json::parse(
      R"({"ip4":{"ip":"1.2.3.4/24","gateway":"1.2.3.1","routes":[{"dst":"0.0.0.0/0","gw":"1.2.3.1"}]},
    "ip6":{"ip":"fd00::1/64","routes":[{"dst":"::/0"}]},"dns":{"domain":"d"}})");
  wanted["cniVersion"] = version;
  return wanted;
}

void keeps_first_addresses(Context& c) {
  expect_conversion(c, full_result(), "0.2.0", old_of_full("0.2.0"));
  expect_conversion(c, full_result(), "0.1.0", old_of_full("0.1.0"));
  const Json input =
      Json::parse(R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"1.2.3.4/24"}],
    "routes":[{"dst":"::/0"}],"dns":{}})");
  expect_conversion(c, input, "0.2.0",
                    Json::parse(R"({"cniVersion":"0.2.0","ip4":{"ip":"1.2.3.4/24"},"dns":{}})"));
}

void needs_an_address_for_old_versions(Context& c) {
  for (const char* version : {"0.1.0", "0.2.0"}) {
    c.expect_error(pass(c, {{"cniVersion", "1.0.0"}}, version),
                   "an empty result to " + std::string(version), {7});
  }
  if (c.subject().needs_addresses)
    c.expect_error(pass(c, {{"cniVersion", "1.0.0"}}, "0.4.0"), "an empty result", {7});
  else
    expect_conversion(c, {{"cniVersion", "1.0.0"}}, "0.4.0",
                      {{"cniVersion", "0.4.0"}, {"dns", Json::object()}});
}

void takes_empty_target_for_oldest(Context& c) {
  expect_conversion(c, full_result(), "", old_of_full("0.1.0"));
}

void refuses_unknown_targets(Context& c) {
  for (const char* version : {"0.5.0", "2.0.0"}) {
    c.expect_error(c.run(c.call("ADD").with("cniVersion", version)),
                   "conversion to " + std::string(version), {1});
  }
}

void trusts_the_address(Context& c) {
  const Json wanted = Json::parse(R"({"cniVersion":"0.2.0","ip4":{"ip":"1.2.3.4/24"},"dns":{}})");
  for (const char* address :
       {R"({"address":"1.2.3.4/24"})", R"({"version":"6","address":"1.2.3.4/24"})"}) {
    expect_conversion(c, {{"cniVersion", "0.4.0"}, {"ips", {Json::parse(address)}}}, "0.2.0",
                      wanted);
  }
}

void refuses_malformed_results(Context& c) {
  for (const char* members :
       {R"({"ips":[{"gateway":"1.1.1.1"}]})", R"({"routes":[{"gw":"1.1.1.1"}]})",
        R"({"ips":[null]})", R"({"interfaces":[null]})", R"({"routes":[null]})",
        R"({"interfaces":[{"name":"e","mtu":-5}]})", R"({"interfaces":[{"name":"e","mtu":1.5}]})",
        R"({"ips":[{"address":""}]})", R"({"ips":{}})", R"({"ips":[{"address":7}]})"}) {
    Json input = Json::parse(members);
    input["cniVersion"] = "1.0.0";
    c.expect_error(pass(c, input, c.subject().newest), "prevResult " + std::string(members),
                   {6, 7});
  }
}

void reads_ip_as_ips(Context& c) {
  const Json input = Json::parse(
      R"({"cniVersion":"0.3.0","ip":[{"version":"4","address":"1.2.3.4/24"}],"dns":{}})");
  const Json wanted = Json::parse(
      R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"1.2.3.4/24"}],"dns":{}})");
  expect_conversion(c, input, "0.4.0", wanted);
}

void keeps_integers(Context& c) {
  const Json input = Json::parse(R"({"cniVersion":"1.1.0","ips":[{"address":"1.2.3.4/24"}],
    "routes":[{"dst":"0.0.0.0/0","priority":4294967295}],"custom":18446744073709551615})");
  expect_conversion(c, input, "1.1.0", input);
}

bool converts(const Subject& subject) {
  return subject.is_chained() && subject.supports("1.1.0") && subject.supports("0.1.0");
}

}  // namespace

std::vector<Row> conversion_rows() {
  return {{"S-137", chained, converts_every_pair},
          {"S-138", converts, lifts_old_results},
          {"S-139", converts, restamps_within_middle_family},
          {"S-140", converts, drops_versions_of_addresses},
          {"S-141", converts, adds_versions_to_addresses},
          {"S-142", converts, keeps_route_extras},
          {"S-143", converts, keeps_first_addresses},
          {"S-144", converts, needs_an_address_for_old_versions},
          {"S-145", converts, takes_empty_target_for_oldest},
          {"S-146", anyone, refuses_unknown_targets},
          {"S-147", converts, trusts_the_address},
          {"S-148", chained, refuses_malformed_results},
          {"S-149", converts, reads_ip_as_ips},
          {"S-150", converts, keeps_integers}};
}

}  // namespace conformance
