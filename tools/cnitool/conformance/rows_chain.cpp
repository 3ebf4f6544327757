// SPDX-License-Identifier: Apache-2.0
// A17: prevResult and chained plugins.
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

/// ADD that only has to pass `previous` on.
void expect_passed_on(Context& c, const Json& previous, const std::string& what) {
  const Json result = c.add(c.call("ADD").with("prevResult", previous).without("runtimeConfig"));
  c.expect(result == previous, what, previous.dump(), result.dump());
}

void passes_result_on(Context& c) {
  const Json previous = make_prev_result(c.subject().newest, kSandbox);
  const Json result = c.add(c.call("ADD").with("prevResult", previous));
  c.expect(result == previous, "ADD", previous.dump(), result.dump());
}

void takes_version_of_request(Context& c) {
  Json previous = make_prev_result(c.subject().newest, kSandbox);
  previous.erase("cniVersion");
  const Json result = c.add(c.call("ADD").with("prevResult", previous));
  c.expect(result == make_prev_result(c.subject().newest, kSandbox),
           "prevResult without cniVersion", "the request's version", result.dump());
}

void converts_other_versions(Context& c) {
  for (const char* version : {"0.2.0", "0.4.0", "1.0.0"}) {
    // A result of 0.2.0 names no interface.
    if (needs_host_end(c.subject()) && version == std::string("0.2.0")) continue;
    const Json result =
        c.add(c.call("ADD").with("prevResult", make_prev_result(version, kSandbox)));
    c.expect(join(addresses_of(result)) == "10.99.0.2/24", "prevResult of " + std::string(version),
             "its address", result.dump());
    c.run(c.call("DEL"));
  }
}

void knows_absent_from_empty(Context& c) {
  const bool chain = c.subject().is_chained();
  for (const char* verb : {"ADD", "CHECK"}) {
    for (const char* text : {"[]", "\"x\"", "7"}) {
      c.expect_error(c.run(c.call(verb).with("prevResult", Json::parse(text))),
                     std::string(verb) + " with prevResult " + text, {6});
    }
  }
  const Outcome null = c.run(c.call("ADD").with("prevResult", nullptr));
  if (chain) c.expect_error(null, "ADD with prevResult null", {7});
  if (!chain) c.expect_ok(null, "ADD with prevResult null");
  c.expect_ok(c.run(c.call("DEL").with("prevResult", nullptr)), "DEL with prevResult null");
  c.expect_ok(c.run(c.call("DEL").with("prevResult", Json::object())), "DEL with prevResult {}");
}

void needs_prev_result(Context& c) {
  const Snapshot before = c.snapshot();
  c.expect_error(c.run(c.call("ADD").without("prevResult")), "ADD without prevResult", {7});
  c.expect_unchanged(before, "ADD without prevResult");
}

void keeps_unknown_members(Context& c) {
  Json previous = make_prev_result(c.subject().newest, kSandbox);
  previous["custom"] = {{"deep", {1, 2.5, "x", nullptr}}};
  previous["interfaces"][0]["foo"] = "bar";
  previous["ips"][0]["foo"] = 7;
  expect_passed_on(c, previous, "prevResult with unknown members");
}

Json with_several_interfaces(const Context& c) {
  Json previous = make_prev_result(c.subject().newest, kSandbox);
  previous["interfaces"] = {{{"name", "br0"}},
                            {{"name", "eth0"}, {"sandbox", "/run/netns/another"}},
                            {{"name", "eth0"}, {"sandbox", kSandbox}},
                            {{"name", "eth1"}, {"sandbox", kSandbox}},
                            {{"name", host_end_of(kSandbox, "eth0")}}};
  previous["ips"][0]["interface"] = 2;
  return previous;
}

void appends_only(Context& c) {
  const Json previous = with_several_interfaces(c);
  const Json result = c.add(c.call("ADD").with("prevResult", previous));
  if (!result.is_object()) return;
  const Json seen = result.value("interfaces", Json::array());
  for (std::size_t i = 0; i < previous["interfaces"].size(); ++i) {
    const bool same = i < seen.size() && seen[i]["name"] == previous["interfaces"][i]["name"];
    c.expect(same, "interfaces", "those of prevResult at their places", seen.dump());
  }
  c.expect(result["ips"][0]["interface"] == 2, "ips[0].interface", "2", result["ips"].dump());
}

void finds_the_interface(Context& c) {
  Call add = c.call("ADD").with("prevResult", with_several_interfaces(c));
  const Json result = c.add(add);
  c.expect_ok(c.run(add.set("CNI_COMMAND", "CHECK").with("prevResult", result)),
              "CHECK among several interfaces");
  c.expect_ok(c.run(add.set("CNI_COMMAND", "DEL")), "DEL among several interfaces");
}

void changes_nothing_without_need(Context& c) {
  expect_passed_on(c, make_prev_result(c.subject().newest, kSandbox), "ADD with nothing to do");
  c.run(c.call("DEL"));
  expect_passed_on(c, with_several_interfaces(c), "ADD with nothing to do");
}

void passes_old_results_on(Context& c) {
  for (const char* version : {"0.1.0", "0.2.0"}) {
    if (!c.subject().supports(version)) continue;
    const Json previous = make_prev_result(version, kSandbox);
    const Json result = c.add(c.call("ADD", version).with("prevResult", previous));
    c.expect(result == previous, "prevResult at " + std::string(version), previous.dump(),
             result.dump());
    c.run(c.call("DEL", version));
  }
}

void gets_the_final_result(Context& c) {
  Json result = c.add();
  if (!result.is_object()) return;
  result["interfaces"].push_back({{"name", "later0"}});
  result["dns"] = {{"nameservers", {"192.0.2.53"}}};
  c.expect_ok(c.run(c.call("CHECK").with("prevResult", result)),
              "CHECK with what later plugins added");
  c.expect_ok(c.run(c.call("DEL").with("prevResult", result)), "DEL with what later plugins added");
}

bool lists_interfaces(const Subject& subject) {
  return !subject.is_ipam();
}

}  // namespace

std::vector<Row> chain_rows() {
  return {{"S-214", chained, passes_result_on},
          {"S-215", chained, takes_version_of_request},
          {"S-216", chained, converts_other_versions},
          {"S-217", anyone, knows_absent_from_empty},
          {"S-218", chained, needs_prev_result},
          {"S-219", chained, keeps_unknown_members},
          {"S-220", chained, appends_only},
          {"S-222", chained, finds_the_interface},
          {"S-223", chained, changes_nothing_without_need},
          {"S-224", chained, passes_old_results_on},
          {"S-226", lists_interfaces, gets_the_final_result}};
}

}  // namespace conformance
