// SPDX-License-Identifier: Apache-2.0
// A13: the meaning of DEL.
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

const std::string kOther = "/run/netns/other";

/// Checks that everything is as in `before`.
void expect_clean(Context& c, const Snapshot& before, const std::string& what) {
  c.expect(reservations("net1").empty(), what, "no address reserved", join(reservations("net1")));
  c.expect_restored(before, what);
}

void removes_this_one_only(Context& c) {
  make_sandbox(kOther);
  Call other = c.call("ADD").set("CNI_CONTAINERID", "c2").set("CNI_NETNS", kOther);
  const Json::json_pointer port("/runtimeConfig/portMappings/0/hostPort");
  if (other.config.contains(port)) other.config[port] = 8081;
  const Json first = c.add();
  const Json second = c.add(other);
  c.expect_ok(c.run(c.call("DEL").with("prevResult", first)), "DEL of the first");
  if (c.subject().makes_link()) {
    c.expect(find_link("eth0", kSandbox).is_null(), "DEL of the first", "its eth0 gone",
             join(link_names(kSandbox)));
  }
  c.expect_ok(c.run(other.set("CNI_COMMAND", "CHECK").with("prevResult", second)),
              "CHECK of the second");
}

void repeats(Context& c) {
  c.expect_ok(c.run(c.call("DEL").set("CNI_CONTAINERID", "never")), "DEL of what was never added");
  const Json result = c.add();
  for (const char* time : {"first", "second", "third"}) {
    c.expect_ok(c.run(c.call("DEL").with("prevResult", result)), std::string(time) + " DEL");
  }
}

void frees_without_namespace(Context& c) {
  c.warm_up();
  remove_sandbox(kSandbox);
  make_sandbox(kSandbox);
  const Snapshot before = c.snapshot();
  c.add();
  remove_sandbox(kSandbox);
  c.expect_ok(c.run(c.call("DEL")), "DEL with the namespace gone");
  make_sandbox(kSandbox);
  expect_clean(c, before, "DEL with the namespace gone");
}

/// ADD, then DEL with this prevResult (discarded: none).
void del_with(Context& c, const Snapshot& before, const Json& previous) {
  c.add();
  Call del = c.call("DEL").without("prevResult");
  if (!previous.is_discarded()) del.with("prevResult", previous);
  const std::string what =
      "DEL with prevResult " + (previous.is_discarded() ? "absent" : previous.dump());
  c.expect_ok(c.run(del), what);
  expect_clean(c, before, what);
}

void needs_no_prev_result(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  for (const char* text : {"?", "null", "{}", R"({"interfaces":[{"name":"eth0"}]})"}) {
    del_with(c, before, parse_json(text));
  }
}

void bears_unreadable_prev_result(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  for (const char* text : {R"({"cniVersion":"9.9.9"})", R"({"ips":"x"})", R"({"ips":[null]})",
                           R"({"cniVersion":7})"}) {
    del_with(c, before, parse_json(text));
  }
  Json older = make_prev_result("0.4.0", kSandbox);
  older["interfaces"][0].erase("mac");  // with it, the interface would be a stranger's (S-168)
  del_with(c, before, older);
  del_with(c, before, make_prev_result("0.2.0", kSandbox));
}

void spares_strangers(Context& c) {
  Json result = c.add();
  ip_run({"link", "del", "eth0"}, kSandbox);
  c.expect_ok(c.run(c.call("DEL").with("prevResult", result)), "DEL of an interface that is gone");
  result = c.add();
  ip_run({"link", "set", "eth0", "down"}, kSandbox);
  ip_run({"link", "set", "eth0", "name", "renamed"}, kSandbox);
  c.expect_ok(c.run(c.call("DEL").with("prevResult", result)),
              "DEL of an interface that was renamed");
  ip_run({"link", "del", "renamed"}, kSandbox);
  result = c.add();
  ip_run({"link", "del", "eth0"}, kSandbox);
  ip_run({"link", "add", "eth0", "type", "bridge"}, kSandbox);
  c.expect_ok(c.run(c.call("DEL").with("prevResult", result)), "DEL with a stranger's eth0");
  c.expect(!find_link("eth0", kSandbox).is_null(), "DEL with a stranger's eth0",
           "it is still there", join(link_names(kSandbox)));
}

void runs_the_delegate_anyway(Context& c) {
  c.expect_ok(c.run(c.delegated("DEL").set("CNI_NETNS", "/run/netns/missing")),
              "DEL with all gone");
  c.expect_ok(c.run(c.delegated("DEL").unset("CNI_NETNS")), "DEL without CNI_NETNS");
  c.expect(c.recorder().verbs() == "DEL DEL", "DEL with all gone", "DEL at the delegate",
           c.recorder().verbs());
}

void cleans_up_before_reporting(Context& c) {
  const Json result = c.add(c.delegated("ADD"));
  c.recorder().play("ipam", "DEL.exit", "1");
  c.recorder().play("ipam", "DEL.stdout", R"({"cniVersion":"1.0.0","code":123,"msg":"m"})");
  const Outcome outcome = c.run(c.delegated("DEL").with("prevResult", result));
  c.expect_error(outcome, "DEL with a failing delegate", {123});
  c.expect(find_link("eth0", kSandbox).is_null(), "DEL with a failing delegate", "eth0 gone",
           join(link_names(kSandbox)));
}

void still_refuses_nonsense(Context& c) {
  c.expect_error(c.run(c.call("DEL").input("{")), "DEL with stdin `{`", {6});
  c.expect_error(c.run(c.call("DEL").unset("CNI_CONTAINERID")), "DEL without container ID", {4});
}

void ignores_irrelevant_trouble(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  const Json result = c.add();
  Call del = c.call("DEL").with("prevResult", result);
  if (del.config.contains("ipam")) del.config["ipam"]["routes"] = {{{"dst", "nonsense"}}};
  const Json::json_pointer subnet("/ipam/ranges/0/0/subnet");
  if (del.config.contains(subnet)) del.config[subnet] = "10.200.0.0/24";
  c.expect_ok(c.run(del), "DEL with another subnet and an invalid route");
  expect_clean(c, before, "DEL with another subnet and an invalid route");
  if (!is_bridge(c.subject())) return;
  const Json again = c.add();
  ip_run({"link", "del", "cnibr0"}, "");
  c.expect_ok(c.run(c.call("DEL").with("prevResult", again)), "DEL with the bridge gone");
}

void needs_no_helpers(Context& c) {
  const Json result = c.add();
  c.expect_ok(c.run(c.call("DEL").with("prevResult", result).set("PATH", "/nonexistent")),
              "DEL without helper programs");
}

void keeps_the_bridge(Context& c) {
  removes_this_one_only(c);
  c.expect(!find_link("cnibr0", "").is_null(), "DEL of one of two", "the bridge still there",
           join(link_names("")));
}

void follows_failed_add(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  if (c.subject().delegates()) {
    const Call add = c.delegated("ADD");
    c.recorder().play("ipam", "ADD.exit", "1");
    c.run(add);
    c.expect_ok(c.run(c.delegated("DEL")), "DEL after a failed ADD");
  } else {
    c.run(c.call("ADD").set("CNI_NETNS", "/run/netns/missing"));
    c.expect_ok(c.run(c.call("DEL")), "DEL after a failed ADD");
  }
  expect_clean(c, before, "DEL after a failed ADD");
}

void spares_own_namespace(Context& c) {
  const Json result = c.add();
  const std::vector<std::string> links = link_names("");
  const Json lo = find_link("lo", "");
  Call del = c.call("DEL").with("prevResult", result).set("CNI_NETNS", "/proc/self/ns/net");
  c.expect_error(c.run(del), "DEL in the own namespace", {8});
  c.expect(find_link("lo", "")["flags"] == lo["flags"], "DEL in the own namespace", "lo as it was",
           find_link("lo", "").dump());
  c.expect(reservations("net1").empty(), "DEL in the own namespace", "no reservation",
           join(reservations("net1")));
}

void is_quick(Context& c) {
  const Json result = c.add();
  const Outcome outcome = c.run(c.call("DEL").with("prevResult", result));
  c.expect(outcome.took < std::chrono::seconds(5), "DEL", "less than 5 s",
           std::to_string(outcome.took.count()) + " us");
}

bool keeps_attachments(const Subject& subject) {
  return subject.ifname != "lo";
}

}  // namespace

std::vector<Row> del_rows() {
  return {{"S-163", keeps_attachments, removes_this_one_only},
          {"S-164", anyone, repeats},
          {"S-165", anyone, frees_without_namespace},
          {"S-166", anyone, needs_no_prev_result},
          {"S-167", anyone, bears_unreadable_prev_result},
          {"S-168", makes_link, spares_strangers},
          {"S-169", delegates, runs_the_delegate_anyway},
          {"S-170", delegates, cleans_up_before_reporting},
          {"S-171", anyone, still_refuses_nonsense},
          {"S-172", anyone, ignores_irrelevant_trouble},
          {"S-173", anyone, needs_no_helpers},
          {"S-174", is_bridge, keeps_the_bridge},
          {"S-175", anyone, follows_failed_add},
          {"S-176", anyone, spares_own_namespace},
          {"S-177", anyone, is_quick}};
}

}  // namespace conformance
