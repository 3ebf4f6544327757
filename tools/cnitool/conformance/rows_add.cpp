// SPDX-License-Identifier: Apache-2.0
// A12: the meaning of ADD.
#include <signal.h>

#include <algorithm>
#include <set>

#include "tools/cnitool/conformance/attachment_calls.h"
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

constexpr int kParallel = 64;
const std::string kTrace = std::string(kScratch) + "/trace";

bool keeps_addresses(const Subject& subject) {
  return subject.config.value(Json::json_pointer("/ipam/type"), "") == "host-local";
}

bool refuses_twice(const Subject& subject) {
  return subject.makes_link() || is_host_local(subject);
}

bool many_at_once(const Subject& subject) {
  return refuses_twice(subject) || subject.is_chained();
}

std::vector<std::string> kernel_addresses(const Json& link) {
  std::vector<std::string> addresses;
  if (!link.is_object()) return addresses;
  for (const Json& address : link.value("addr_info", Json::array())) {
    addresses.push_back(address.value("local", "") + "/" +
                        std::to_string(address.value("prefixlen", 0)));
  }
  return addresses;
}

void matches_the_kernel(Context& c) {
  const Json result = c.add();
  const Json link = find_link(c.subject().ifname, kSandbox);
  if (!c.expect(link.is_object(), "ADD", "the interface in the sandbox",
                join(link_names(kSandbox))))
    return;
  c.expect(link["flags"].dump().find("\"UP\"") != std::string::npos, "the interface", "up",
           link["flags"].dump());
  const std::vector<std::string> addresses = kernel_addresses(link);
  for (const std::string& address : addresses_of(result)) {
    c.expect(std::find(addresses.begin(), addresses.end(), address) != addresses.end(),
             "addresses in the kernel", address, join(addresses));
  }
  for (const Json& route : result.value("routes", Json::array())) {
    const std::string destination = route.value("dst", "");
    const Json found = ip_json({"route", "show", destination}, kSandbox);
    c.expect(found.is_array() && !found.empty(), "routes in the kernel", destination, found.dump());
  }
}

/// Checks that a failed ADD left nothing behind.
void expect_no_trace(Context& c, const Snapshot& before, const std::string& what) {
  c.expect(reservations("net1").empty(), what, "no address reserved", join(reservations("net1")));
  c.expect_restored(before, what);
}

/// Fails the n-th of the calls of one name: strace counts each name by itself, and a second fault
/// would hit the roll-back of the first.
void fail_each_message(Context& c, const Snapshot& before, const std::string& call) {
  constexpr int kMost = 40;
  for (int step = 1; step <= kMost && c.findings().empty(); ++step) {
    Call add = c.call("ADD");
    const std::string number = std::to_string(step);
    add.process.arguments = {"-o",
                             "/dev/null",
                             "-e",
                             "trace=" + call,
                             "-e",
                             "inject=" + call + ":error=ENOMEM:when=" + number,
                             add.process.program};
    add.process.program = find_tool("strace");
    if (c.run(add).succeeded())
      c.run(c.call("DEL"));
    else
      expect_no_trace(c, before, "ADD whose " + call + " number " + number + " fails");
  }
}

void leaves_no_trace_of_failures(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  if (c.subject().delegates()) {
    const Call add = c.delegated("ADD");
    for (
        const char* answer :
        {"", "{}",
         R"({"ips":[{"address":"10.77.0.2/24"}],"routes":[{"dst":"10.5.0.0/16","gw":"192.0.2.1"}]})"}) {
      c.recorder().reset();
      c.recorder().play("ipam", "ADD.stdout", answer);
      const Outcome outcome = c.run(add);
      if (outcome.succeeded()) c.run(c.delegated("DEL"));
      expect_no_trace(c, before, "ADD with IPAM result `" + std::string(answer) + "`");
    }
  }
  if (find_tool("strace").empty() || c.subject().instrumented) return;
  for (const char* call : {"sendto", "sendmsg"}) fail_each_message(c, before, call);
}

void refuses_the_second_add(Context& c) {
  const Json result = c.add();
  const std::vector<std::string> held = reservations("net1");
  c.expect_error(c.run(c.call("ADD")), "a second ADD", {});
  c.expect(reservations("net1") == held, "a second ADD", join(held), join(reservations("net1")));
  c.expect_ok(c.run(c.call("CHECK").with("prevResult", result)),
              "CHECK of the first after a second ADD");
}

void allows_another_ifname(Context& c) {
  c.add(without_routes(c.call("ADD")));
  c.add(without_routes(for_attachment(c.call("ADD"), "c1", "eth1")));
}

void repeats_without_leaks(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  const int rounds = c.subject().instrumented ? 10 : 100;
  for (int i = 0; i < rounds && c.findings().empty(); ++i) {
    const Json result = c.add();
    c.expect_ok(c.run(c.call("DEL").with("prevResult", result)), "DEL");
  }
  c.expect_restored(before, "rounds of ADD and DEL");
  c.expect(reservations("net1").empty(), "rounds of ADD and DEL", "no reservation",
           join(reservations("net1")));
}

std::string sandbox_path(int number) {
  return "/run/netns/p" + std::to_string(number);
}

Call parallel_call(const Context& c, const std::string& verb, int number) {
  Call call = c.call(verb)
                  .set("CNI_CONTAINERID", "p" + std::to_string(number))
                  .set("CNI_NETNS", sandbox_path(number));
  const Json::json_pointer port("/runtimeConfig/portMappings/0/hostPort");
  if (call.config.contains(port)) call.config[port] = 9000 + number;
  return call;
}

std::vector<Outcome> run_at_once(Context& c, const std::string& verb) {
  std::vector<Process> processes;
  for (int i = 0; i < kParallel; ++i) {
    ProcessSetup setup = c.prepare(parallel_call(c, verb, i));
    setup.timeout = std::chrono::seconds(60);
    processes.emplace_back(setup);
  }
  std::vector<Outcome> outcomes;
  for (Process& process : processes) outcomes.push_back(process.finish());
  return outcomes;
}

void works_in_parallel(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  for (int i = 0; i < kParallel; ++i) make_sandbox(sandbox_path(i));
  std::set<std::string> addresses;
  for (const Outcome& outcome : run_at_once(c, "ADD")) {
    if (!c.expect_ok(outcome, "one of 64 ADDs at once")) continue;
    for (const std::string& address : addresses_of(parse_json(outcome.out)))
      addresses.insert(address);
  }
  if (keeps_addresses(c.subject())) {
    c.expect(addresses.size() == kParallel, "64 ADDs at once", "64 addresses",
             std::to_string(addresses.size()));
  }
  for (const Outcome& outcome : run_at_once(c, "DEL"))
    c.expect_ok(outcome, "one of 64 DELs at once");
  for (int i = 0; i < kParallel; ++i) remove_sandbox(sandbox_path(i));
  c.expect(reservations("net1").empty(), "64 DELs at once", "no reservation",
           join(reservations("net1")));
  c.expect_restored(before, "64 ADDs and DELs at once");
}

void needs_no_status(Context& c) {
  c.add();
}

void addresses_are_usable(Context& c) {
  Call add = c.call("ADD");
  const Json::json_pointer ranges("/ipam/ranges");
  if (add.config.contains(ranges)) add.config[ranges].push_back({{{"subnet", "fd00:88::/64"}}});
  const Outcome outcome = c.run(add);
  if (!c.expect_ok(outcome, "dual-stack ADD")) return;
  const Json link =
      ip_json({"-6", "addr", "show", "dev", c.subject().ifname, "tentative"}, kSandbox);
  std::string tentative;
  for (const Json& entry : link) {
    for (const Json& address : entry.value("addr_info", Json::array())) {
      // The kernel's own link-local address is not part of the result.
      if (address.value("scope", "") == "global") tentative += address.dump();
    }
  }
  c.expect(tentative.empty(), "ADD of an IPv6 address", "none tentative", tentative);
  c.expect_ok(c.run(add.set("CNI_COMMAND", "CHECK").with("prevResult", parse_json(outcome.out))),
              "CHECK at once");
}

void names_the_bad_key(Context& c) {
  const auto refuse = [&](const char* patch, const char* key) {
    c.expect_error(c.run(c.call("ADD").merge(Json::parse(patch))), "ADD with " + std::string(patch),
                   {7}, {key});
  };
  const std::string& type = c.subject().type;
  if (type == "bridge") {
    refuse(R"({"vlan":5000})", "vlan");
    refuse(R"({"vlanTrunk":[{"minID":9,"maxID":5}]})", "vlanTrunk");
    refuse(R"({"promiscMode":true,"hairpinMode":true})", "promiscMode");
  } else if (type == "ptp") {
    refuse(R"({"ipam":null})", "ipam");
  } else if (type == "host-local") {
    refuse(R"({"ipam":{"ranges":[[{"subnet":"10.88.0.0/99"}]]}})", "subnet");
    refuse(R"({"ipam":{"ranges":null}})", "range");
  } else if (type == "static") {
    refuse(R"({"ipam":{"addresses":[{"address":"x"}]}})", "address");
  } else if (type == "portmap") {
    refuse(
        R"({"runtimeConfig":{"portMappings":[{"hostPort":70000,"containerPort":80,"protocol":"tcp"}]}})",
        "hostPort");
    refuse(
        R"({"runtimeConfig":{"portMappings":[{"hostPort":80,"containerPort":80,"protocol":"x"}]}})",
        "protocol");
  }
}

void never_leaves_name_on_host(Context& c) {
  Call add = c.call("ADD");
  add.process.kill_signal = SIGKILL;
  for (int i = 0; i < 60; ++i) {
    add.process.kill_after = std::chrono::microseconds(150 * i);
    c.run(add);
    const std::vector<std::string> links = link_names("");
    if (!c.expect(std::find(links.begin(), links.end(), "eth0") == links.end(),
                  "SIGKILL during ADD", "no eth0 on the host", join(links))) {
      return;
    }
    c.run(c.call("DEL"));
  }
}

/// Runs ADD under strace, which replaces the random bytes that the kernel returns in calls `when`.
Outcome add_with_bytes(Context& c, const std::string& when) {
  Call add = c.call("ADD");
  add.process.arguments = {"-o",
                           kTrace,
                           "-e",
                           "trace=getrandom",
                           "-e",
                           "inject=getrandom:poke_exit=@arg1=a1b2c3d4:when=" + when,
                           add.process.program};
  add.process.program = find_tool("strace");
  return c.run(add);
}

void avoids_taken_names(Context& c) {
  if (find_tool("strace").empty() || c.subject().instrumented) {
    return c.skip("needs the strace tool and a plugin without sanitizer");
  }
  const std::vector<std::string> before = link_names("");
  c.expect_ok(add_with_bytes(c, "1+"), "ADD with random bytes that are not");
  std::string taken;
  for (const std::string& name : link_names("")) {
    const bool added = std::find(before.begin(), before.end(), name) == before.end();
    if (added && name.starts_with("veth")) taken = name;
  }
  const std::string trace = read_text(kTrace);
  const auto asked = std::count(trace.begin(), trace.end(), '\n') - 1;
  c.run(c.call("DEL"));
  if (taken.empty() || asked < 1) return c.skip("the plugin takes no names from getrandom()");
  make_link_there(taken, "");
  c.expect_ok(add_with_bytes(c, "1.." + std::to_string(asked)),
              "ADD whose first host name is taken");
}

}  // namespace

std::vector<Row> add_rows() {
  return {{"S-151", attaches, matches_the_kernel},
          {"S-152", anyone, leaves_no_trace_of_failures},
          {"S-153", refuses_twice, refuses_the_second_add},
          {"S-154", many_at_once, allows_another_ifname},
          {"S-155", anyone, repeats_without_leaks},
          {"S-156", many_at_once, works_in_parallel},
          {"S-158", anyone, needs_no_status},
          {"S-159", attaches, addresses_are_usable},
          {"S-160", anyone, names_the_bad_key},
          {"S-161", makes_link, never_leaves_name_on_host},
          {"S-162", makes_link, avoids_taken_names}};
}

}  // namespace conformance
