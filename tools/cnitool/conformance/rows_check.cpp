// SPDX-License-Identifier: Apache-2.0
// A14: the meaning of CHECK.
#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>

#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

Call check_of(const Context& c, const Json& result) {
  return c.call("CHECK").with("prevResult", result);
}

void is_silent_or_reports(Context& c) {
  const Json result = c.add();
  const Outcome good = c.run(check_of(c, result));
  c.expect(good.succeeded() && good.out.empty(), "CHECK after ADD", "exit 0 and no output",
           describe(good));
}

void needs_prev_result(Context& c) {
  c.add();
  c.expect_error(c.run(c.call("CHECK").without("prevResult")), "CHECK without prevResult", {7});
}

/// ADD, damage it, CHECK must fail, DEL.
void notices(Context& c, const std::string& what, bool (*damage)(const Json& result)) {
  remove_sandbox(kSandbox);
  make_sandbox(kSandbox);
  const Json result = c.add();
  if (!result.is_object()) return;
  if (!c.expect(damage(result), what, "damage that can be done", "a tool that failed")) return;
  c.expect_error(c.run(check_of(c, result)), "CHECK with " + what, {});
  c.run(c.call("DEL").with("prevResult", result));
}

bool in_sandbox(const std::vector<std::string>& arguments) {
  return ip_run(arguments, kSandbox);
}

std::string host_end_of(const Json& result) {
  for (const Json& interface : result.value("interfaces", Json::array())) {
    const std::string name = interface.value("name", "");
    if (!interface.contains("sandbox") && name.starts_with("veth")) return name;
  }
  return "none";
}

void verifies_what_it_made(Context& c) {
  if (c.subject().ifname == "lo") {
    notices(c, "lo down", [](const Json&) { return in_sandbox({"link", "set", "lo", "down"}); });
    return;
  }
  notices(c, "no interface", [](const Json&) { return in_sandbox({"link", "del", "eth0"}); });
  notices(c, "no address", [](const Json&) {
    return in_sandbox({"addr", "flush", "dev", "eth0"});
  });
  notices(c, "no default route", [](const Json&) {
    return in_sandbox({"route", "del", "default"});
  });
  notices(c, "another kind of interface", [](const Json&) {
    return in_sandbox({"link", "del", "eth0"}) &&
           in_sandbox({"link", "add", "eth0", "type", "bridge"});
  });
  if (!is_bridge(c.subject())) return;
  notices(c, "the host end off the bridge", [](const Json& result) {
    return ip_run({"link", "set", host_end_of(result), "nomaster"}, "");
  });
}

void verifies_what_no_result_lists(Context& c) {
  if (is_portmap(c.subject())) {
    const Json result = c.add();
    ProcessSetup flush{find_tool("nft")};
    flush.arguments = {"flush", "ruleset"};
    if (flush.program.empty() || !run_process(flush).succeeded())
      return c.skip("needs the nft tool");
    c.expect_error(c.run(check_of(c, result)), "CHECK with the rules gone", {});
    return;
  }
  const Json result = c.add();
  for (const std::string& address : reservations("net1"))
    fs::remove("/var/lib/cni/networks/net1/" + address);
  c.expect_error(c.run(check_of(c, result)), "CHECK with the reservation gone", {});
}

void allows_later_changes(Context& c) {
  Json result = c.add();
  if (!result.is_object()) return;
  ip_run({"addr", "add", "192.0.2.7/32", "dev", "eth0"}, kSandbox);
  ip_run({"route", "add", "198.51.100.0/24", "dev", "eth0"}, kSandbox);
  c.expect_ok(c.run(check_of(c, result)), "CHECK with an address and a route added");
  // An ipvlan has the MAC address of its master and keeps it.
  if (!ip_run({"link", "set", "eth0", "address", "02:00:00:00:00:77"}, kSandbox)) return;
  for (Json& interface : result["interfaces"]) {
    if (interface.contains("sandbox")) interface["mac"] = "02:00:00:00:00:77";
  }
  c.expect_ok(c.run(check_of(c, result)), "CHECK with a MAC changed as prevResult says");
}

void ignores_foreign_entries(Context& c) {
  Json result = c.add();
  if (!result.is_object()) return;
  result["interfaces"].push_back({{"name", "foreign0"}});
  result["interfaces"].push_back({{"name", "foreign1"}, {"sandbox", kSandbox}});
  c.expect_ok(c.run(check_of(c, result)), "CHECK with interfaces of other plugins in prevResult");
}

void runs_the_delegate(Context& c) {
  const Json result = c.add(c.delegated("ADD"));
  c.expect_ok(c.run(c.delegated("CHECK").with("prevResult", result)), "CHECK with a good delegate");
  c.recorder().play("ipam", "CHECK.exit", "1");
  c.recorder().play("ipam", "CHECK.stdout", R"({"cniVersion":"1.0.0","code":123,"msg":"m"})");
  const Outcome outcome = c.run(c.delegated("CHECK").with("prevResult", result));
  c.expect_error(outcome, "CHECK with a failing delegate", {123});
  c.expect(c.recorder().verbs() == "ADD CHECK CHECK", "calls of the delegate", "ADD CHECK CHECK",
           c.recorder().verbs());
}

void passes_at_once(Context& c) {
  const int rounds = c.subject().instrumented ? 5 : 50;
  for (int i = 0; i < rounds && c.findings().empty(); ++i) {
    const Json result = c.add();
    c.expect_ok(c.run(check_of(c, result)), "CHECK right after ADD");
    c.run(c.call("DEL").with("prevResult", result));
  }
}

void fails_without_namespace(Context& c) {
  const Json result = c.add();
  remove_sandbox(kSandbox);
  c.expect_error(c.run(check_of(c, result)), "CHECK with the namespace gone", {});
}

void changes_nothing(Context& c) {
  const Json result = c.add();
  const Snapshot before = c.snapshot();
  c.expect_ok(c.run(check_of(c, result)), "CHECK");
  c.expect_unchanged(before, "CHECK that passes");
  if (c.subject().ifname == "lo") return;
  ip_run({"link", "del", "eth0"}, kSandbox);
  const Snapshot damaged = c.snapshot();
  c.run(check_of(c, result));
  c.expect_unchanged(damaged, "CHECK that fails");
}

void gives_no_verdict_when_busy(Context& c) {
  const Json result = c.add();
  const base::UniqueFd lock(
      open("/var/lib/cni/networks/net1/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  flock(lock.get(), LOCK_EX);
  Call check = check_of(c, result);
  check.process.timeout = std::chrono::seconds(30);
  const Outcome outcome = c.run(check);
  if (!outcome.succeeded()) c.expect_error(outcome, "CHECK while the lock is held", {11});
}

void compares_namespaces_by_identity(Context& c) {
  const Json result = c.add();
  fs::create_symlink(kSandbox, "/run/netns/link");
  c.expect_ok(c.run(check_of(c, result).set("CNI_NETNS", "/run/netns/link")),
              "CHECK through a symbolic link");
}

bool has_check(const Subject& subject) {
  return subject.supports("0.4.0");
}

bool keeps_state(const Subject& subject) {
  return is_portmap(subject) ||
         subject.config.value(Json::json_pointer("/ipam/type"), "") == "host-local";
}

bool locks(const Subject& subject) {
  return subject.config.value(Json::json_pointer("/ipam/type"), "") == "host-local";
}

}  // namespace

std::vector<Row> check_rows() {
  return {{"S-178", has_check, is_silent_or_reports},
          {"S-179", has_check, needs_prev_result},
          {"S-180", attaches, verifies_what_it_made},
          {"S-181", keeps_state, verifies_what_no_result_lists},
          {"S-182", makes_link, allows_later_changes},
          {"S-183", makes_link, ignores_foreign_entries},
          {"S-184", delegates, runs_the_delegate},
          {"S-185", has_check, passes_at_once},
          {"S-186", attaches, fails_without_namespace},
          {"S-187", has_check, changes_nothing},
          {"S-188", locks, gives_no_verdict_when_busy},
          {"S-189", attaches, compares_namespaces_by_identity}};
}

}  // namespace conformance
