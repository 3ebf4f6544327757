// SPDX-License-Identifier: Apache-2.0
// A8: standard output and error, exit code, hygiene of the process.
#include <signal.h>

#include <filesystem>

#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

constexpr int kKills = 100;

void prints_one_result(Context& c) {
  const Outcome outcome = c.run(c.call("ADD"));
  c.expect_ok(outcome, "ADD");
  const Json result = parse_json(outcome.out);
  c.expect(result.is_object() && result.contains("cniVersion"), "stdout of ADD",
           "one object with cniVersion", describe(outcome));
}

void is_silent_otherwise(Context& c) {
  const Json result = c.add();
  std::vector<std::string> verbs = {"CHECK"};
  if (has_gc(c.subject())) verbs.push_back("STATUS");
  verbs.push_back("DEL");
  if (has_gc(c.subject())) verbs.push_back("GC");
  for (const std::string& verb : verbs) {
    const Outcome outcome = c.run(c.call(verb).with("prevResult", result));
    c.expect(outcome.succeeded() && outcome.out.empty(), verb, "exit 0 and an empty stdout",
             describe(outcome));
  }
}

void reports_failure_on_stdout(Context& c) {
  c.expect_error(c.run(c.call("ADD").input("{")), "ADD with stdin `{`", {});
  c.expect_error(c.run(c.call("DEL").with("name", "a b")), "DEL with a bad name", {});
  c.expect_error(c.run(c.call("CHECK").unset("CNI_IFNAME")), "CHECK without CNI_IFNAME", {});
}

void prints_never_both(Context& c) {
  // The own-namespace guard and a result that cannot be expressed come late in the reference.
  c.run(c.call("ADD").set("CNI_NETNS", "/proc/self/ns/net"));
  if (c.subject().delegates()) c.run(c.call("ADD", "0.2.0").without("ipam"));
}

void may_write_to_stderr(Context& c) {
  if (!c.subject().delegates()) {
    c.add();
    return;
  }
  const Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.stderr", "a word of warning\n");
  c.expect_ok(c.run(add), "ADD with text on stderr");
}

void keeps_helpers_off_stdout(Context& c) {
  const std::string folder = std::string(kScratch) + "/bin";
  std::filesystem::create_directories(folder);
  for (const char* name :
       {"iptables", "ip6tables", "nft", "ethtool", "iptables-restore", "ip6tables-restore"}) {
    write_text(folder + "/" + name,
               "#!/bin/sh\necho chatter\nexec " + find_tool(name) + " \"$@\"\n");
    std::filesystem::permissions(folder + "/" + name, std::filesystem::perms::owner_all);
  }
  Call add = c.call("ADD").set("PATH", folder + ":/usr/sbin:/usr/bin:/sbin:/bin");
  if (c.subject().makes_link()) add.with("ipMasq", true);
  const Outcome outcome = c.run(add);
  c.expect(outcome.out.find("chatter") == std::string::npos, "ADD with chatty helper programs",
           "one JSON document", describe(outcome));
}

void undoes_what_it_cannot_report(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  Call full = c.call("ADD");
  full.process.output_path = "/dev/full";
  const Outcome outcome = c.run(full);
  c.expect(outcome.exit_code > 0, "ADD with stdout=/dev/full", "exit code above 0",
           describe(outcome));
  c.expect(reservations("net1").empty(), "ADD with stdout=/dev/full", "no address reserved",
           join(reservations("net1")));
  c.expect_restored(before, "ADD with stdout=/dev/full");
}

void bears_closed_descriptors(Context& c) {
  Call add = c.call("ADD");
  add.process.closed = {0, 1, 2};
  add.process.output_path = "/dev/null";
  c.warm_up();
  const Snapshot before = c.snapshot();
  const Outcome outcome = c.run(add);
  c.expect(outcome.signal == 0 && outcome.exit_code != 0, "ADD with 0, 1 and 2 closed",
           "a failure, no crash", describe(outcome));
  c.expect_restored(before, "ADD with 0, 1 and 2 closed");
  Call quiet = c.call("ADD");
  quiet.process.closed = {2};
  c.add(quiet);
}

void always_answers(Context& c) {
  // Requests that make plugins crash: without parts that plugins take for granted.
  for (const char* prev :
       {"null", "{}", R"({"ips":[null]})", R"({"interfaces":[null]})", R"({"routes":[null]})"}) {
    for (const char* verb : {"ADD", "CHECK", "DEL"}) {
      const Outcome outcome = c.run(c.call(verb).with("prevResult", Json::parse(prev)));
      const std::string what = std::string(verb) + " with prevResult " + prev;
      if (!outcome.succeeded()) c.expect_error(outcome, what, {});
    }
  }
}

void clean_up_after_signal(Context& c, int number) {
  Call add = c.call("ADD");
  add.process.kill_signal = number;
  for (int i = 0; i < kKills; ++i) {
    add.process.kill_after = std::chrono::microseconds(100 * i);
    const Outcome outcome = c.run(add);
    if (number == SIGTERM && outcome.exit_code > 0) {
      const Json error = parse_json(outcome.out);
      c.expect(error.is_object() && error.contains("code"), "SIGTERM during ADD", "an error object",
               describe(outcome));
    }
    c.expect_ok(c.run(c.call("DEL")), "DEL after signal " + std::to_string(number));
    if (!c.findings().empty()) return;
  }
}

void survives_signals(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  clean_up_after_signal(c, SIGTERM);
  clean_up_after_signal(c, SIGKILL);
  c.expect(reservations("net1").empty(), "DEL after signals", "no reservation",
           join(reservations("net1")));
  c.expect_restored(before, "DEL after signals");
}

void hands_down_three_descriptors(Context& c) {
  c.run(c.delegated("ADD"));
  const std::vector<Json> calls = c.recorder().calls();
  if (!c.expect(!calls.empty(), "ADD", "a call of the delegate", "none")) return;
  c.expect(calls[0]["fds"] == Json({0, 1, 2}), "descriptors of the delegate", "0, 1 and 2",
           calls[0]["fds"].dump());
}

void prints_plain_json(Context& c) {
  const Outcome outcome = c.run(c.call("ADD"));
  c.expect(!parse_json(outcome.out).is_discarded(), "stdout of ADD", "JSON", describe(outcome));
}

}  // namespace

std::vector<Row> output_rows() {
  return {{"S-083", anyone, prints_one_result},
          {"S-084", anyone, is_silent_otherwise},
          {"S-085", anyone, reports_failure_on_stdout},
          {"S-086", anyone, prints_never_both},
          {"S-087", anyone, may_write_to_stderr},
          {"S-088", anyone, keeps_helpers_off_stdout},
          {"S-089", anyone, undoes_what_it_cannot_report},
          {"S-090", anyone, bears_closed_descriptors},
          {"S-091", anyone, always_answers},
          {"S-092", anyone, survives_signals},
          {"S-093", delegates, hands_down_three_descriptors},
          {"S-094", anyone, prints_plain_json}};
}

}  // namespace conformance
