// SPDX-License-Identifier: Apache-2.0
// A19: CNI_ARGS and the well-known keys of runtimeConfig.
#include <algorithm>

#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

std::string ipam_type(const Subject& subject) {
  return subject.config.value(Json::json_pointer("/ipam/type"), "");
}

bool reads_arguments(const Subject& subject) {
  return ipam_type(subject) == "host-local" || ipam_type(subject) == "static";
}

bool reads_no_arguments(const Subject& subject) {
  return !subject.reads_arguments;
}

bool has_ranges(const Subject& subject) {
  return ipam_type(subject) == "host-local";
}

/// An address, with prefix, that IPAM would not choose by itself.
std::string wanted_address(const Context& c) {
  return ipam_type(c.subject()) == "static" ? "10.1.0.9/16" : "10.88.0.9/16";
}

/// The same address in the form of CNI_ARGS and runtimeConfig.
std::string requested_address(const Context& c) {
  const std::string wanted = wanted_address(c);
  return ipam_type(c.subject()) == "static" ? wanted : wanted.substr(0, wanted.find('/'));
}

void expect_wanted(Context& c, const Call& add, const std::string& what) {
  const Json result = c.add(add);
  // static appends the addresses of CNI_ARGS to the configured ones.
  const std::vector<std::string> seen = addresses_of(result);
  const std::string wanted = as_listed(c.subject(), wanted_address(c));
  const bool there = std::find(seen.begin(), seen.end(), wanted) != seen.end();
  c.expect(there, what, wanted, join(seen));
  Call del = add;
  c.run(del.set("CNI_COMMAND", "DEL").with("prevResult", result));
}

void reads_pairs(Context& c) {
  const std::string pairs = "IgnoreUnknown=1;A1=b;IP=" + requested_address(c);
  expect_wanted(c, c.call("ADD").set("CNI_ARGS", pairs), "CNI_ARGS " + pairs);
}

void refuses_malformed_pairs(Context& c) {
  for (const std::string args : {"a", "a=b=c", "IP=10.88.0.9;", ";"}) {
    c.expect_error(c.run(c.call("ADD").set("CNI_ARGS", args)), "CNI_ARGS `" + args + "`", {4, 7});
  }
  const std::string twice = "IgnoreUnknown=1;IP=10.88.0.200;IP=" + requested_address(c);
  expect_wanted(c, c.call("ADD").set("CNI_ARGS", twice), "CNI_ARGS " + twice);
  c.add(c.call("ADD").set("CNI_ARGS", ""));
}

void refuses_unknown_arguments(Context& c) {
  for (const char* args : {"K8S_POD=x", "IgnoreUnknown=0;K8S_POD=x",
                           "IgnoreUnknown=false;K8S_POD=x", "IgnoreUnknown=maybe"}) {
    c.expect_error(c.run(c.call("ADD").set("CNI_ARGS", args)), "CNI_ARGS " + std::string(args),
                   {4, 7});
  }
  for (const char* yes : {"1", "true", "TRUE", "True"}) {
    const std::string args = "IgnoreUnknown=" + std::string(yes) + ";K8S_POD=x";
    const Outcome outcome = c.run(c.call("ADD").set("CNI_ARGS", args));
    c.expect_ok(outcome, "CNI_ARGS " + args);
    c.run(c.call("DEL").set("CNI_ARGS", args));
  }
}

void refuses_no_arguments(Context& c) {
  Call add = c.subject().delegates() ? c.delegated("ADD") : c.call("ADD");
  c.expect_ok(c.run(add.set("CNI_ARGS", "garbage==;;x")), "ADD with CNI_ARGS `garbage==;;x`");
}

void honours_ip_argument(Context& c) {
  expect_wanted(c, c.call("ADD").set("CNI_ARGS", "IgnoreUnknown=1;IP=" + requested_address(c)),
                "CNI_ARGS IP");
}

void maps_ports(Context& c) {
  Call add = c.call("ADD");
  add.config["runtimeConfig"]["portMappings"] = Json::parse(
      R"([{"hostPort":8123,"containerPort":81,"protocol":"tcp"},{"hostPort":8124,"containerPort":82,"protocol":"udp","hostIP":"192.0.2.9"}])");
  const Json result = c.add(add);
  const std::string rules = nft_json().dump();
  for (const char* part : {"8123", "8124", "10.99.0.2", "192.0.2.9"}) {
    c.expect(rules.find(part) != std::string::npos, "the rules after ADD",
             std::string(part) + " in them", "none");
  }
  c.expect_ok(c.run(add.set("CNI_COMMAND", "DEL").with("prevResult", result)), "DEL");
  const std::string left = nft_json().dump();
  c.expect(left.find("8123") == std::string::npos && left.find("8124") == std::string::npos,
           "the rules after DEL", "none of ours", left);
}

void honours_ip_ranges(Context& c) {
  Call add = c.call("ADD").with("runtimeConfig",
                                Json::parse(R"({"ipRanges":[[{"subnet":"10.200.0.0/24"}]]})"));
  add.config["ipam"].erase("ranges");
  const std::string seen = join(addresses_of(c.add(add)));
  c.expect(seen.starts_with("10.200.0."), "runtimeConfig.ipRanges", "an address of 10.200.0.0/24",
           seen);
}

void ignores_dns_capability(Context& c) {
  Call add = c.call("ADD");
  add.config["runtimeConfig"]["dns"] =
      Json::parse(R"({"servers":["192.0.2.53"],"searches":["x"],"options":[]})");
  c.add(add);
}

void honours_ips(Context& c) {
  Call add = c.call("ADD");
  expect_wanted(c, add.with("runtimeConfig", {{"ips", {requested_address(c)}}}),
                "runtimeConfig.ips");
}

void honours_mac(Context& c) {
  c.add(c.call("ADD").with("runtimeConfig", {{"mac", "02:00:00:00:00:42"}}));
  const Json link = find_link("eth0", kSandbox);
  const std::string seen = link.is_object() ? link.value("address", "") : "(no link)";
  c.expect(seen == "02:00:00:00:00:42", "runtimeConfig.mac", "02:00:00:00:00:42", seen);
}

void refuses_bad_mappings(Context& c) {
  const Snapshot before = c.snapshot();
  for (const char* mapping :
       {R"({"hostPort":70000,"containerPort":80,"protocol":"tcp"})",
        R"({"hostPort":80,"containerPort":0,"protocol":"tcp"})",
        R"({"hostPort":80,"containerPort":80,"protocol":"xyz"})",
        R"({"hostPort":"80","containerPort":80,"protocol":"tcp"})",
        R"({"hostPort":80,"containerPort":80,"protocol":"tcp","hostIP":"nonsense"})", "7"}) {
    Call add = c.call("ADD");
    add.config["runtimeConfig"]["portMappings"] = Json::array({Json::parse(mapping)});
    c.expect_error(c.run(add), "portMappings " + std::string(mapping), {6, 7});
  }
  c.expect_unchanged(before, "mappings that are refused");
  c.add(c.call("ADD").without("runtimeConfig"));
}

void removes_rules_without_mappings(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  const Json result = c.add();
  c.expect_ok(c.run(c.call("DEL").with("prevResult", result).without("runtimeConfig")),
              "DEL without runtimeConfig");
  c.expect_restored(before, "DEL without runtimeConfig");
}

}  // namespace

std::vector<Row> argument_rows() {
  return {{"S-242", reads_arguments, reads_pairs},
          {"S-243", reads_arguments, refuses_malformed_pairs},
          {"S-244", reads_arguments, refuses_unknown_arguments},
          {"S-245", reads_no_arguments, refuses_no_arguments},
          {"S-246", reads_arguments, honours_ip_argument},
          {"S-247", is_portmap, maps_ports},
          {"S-248", has_ranges, honours_ip_ranges},
          {"S-250", anyone, ignores_dns_capability},
          {"S-251", reads_arguments, honours_ips},
          {"S-252", is_bridge, honours_mac},
          {"S-254", is_portmap, refuses_bad_mappings},
          {"S-255", is_portmap, removes_rules_without_mappings}};
}

}  // namespace conformance
