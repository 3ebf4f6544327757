// SPDX-License-Identifier: Apache-2.0
// A4: CNI_NETNS.
#include <fcntl.h>
#include <signal.h>

#include <filesystem>

#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

const std::string kMissing = "/run/netns/missing";
const std::string kStale = "/run/netns/stale";
const std::string kLink = "/run/netns/link";

/// ADD with CNI_NETNS spelled `path`, and DEL again.
void attach_through(Context& c, const std::string& path) {
  const Json result = c.add(c.call("ADD").set("CNI_NETNS", path));
  const bool there =
      c.subject().ifname == "lo" || !find_link(c.subject().ifname, kSandbox).is_null();
  c.expect(there, "ADD with CNI_NETNS=" + path, "the interface in that namespace",
           join(link_names(kSandbox)));
  c.expect_ok(c.run(c.call("DEL").set("CNI_NETNS", path).with("prevResult", result)),
              "DEL with CNI_NETNS=" + path);
}

void takes_any_path(Context& c) {
  fs::create_symlink(kSandbox, kLink);
  const base::UniqueFd fd = open_namespace(kSandbox);
  ProcessSetup waiting{find_tool("sleep")};
  waiting.arguments = {"60"};
  waiting.netns = fd.get();
  waiting.kill_signal = SIGKILL;
  Process process(waiting);
  const std::string task = std::to_string(process.pid());
  // A descriptor without close-on-exec, so that it is also open in the plugin.
  const base::UniqueFd inherited(open(kSandbox, O_RDONLY));
  attach_through(c, kSandbox);
  attach_through(c, kLink);
  attach_through(c, "/proc/" + task + "/ns/net");
  attach_through(c, "/proc/" + task + "/task/" + task + "/ns/net");
  attach_through(c, "/proc/self/fd/" + std::to_string(inherited.get()));
  process.finish();
}

void repeats_path(Context& c) {
  fs::create_symlink(kSandbox, kLink);
  const Json result = c.add(c.call("ADD").set("CNI_NETNS", kLink));
  const Json interface = container_interface(result, c.subject().ifname);
  const std::string seen = interface.is_object() ? interface.value("sandbox", "") : result.dump();
  c.expect(seen == kLink, "sandbox of an ADD with CNI_NETNS=" + kLink, kLink, seen);
}

void refuses_what_is_no_namespace(Context& c) {
  const Snapshot before = c.snapshot();
  write_text(std::string(kScratch) + "/file", "x");
  const std::vector<std::string> paths = {kMissing, std::string(kScratch) + "/file",
                                          "/proc/self/ns/mnt"};
  for (const std::string& path : paths) {
    for (const char* verb : {"ADD", "CHECK"}) {
      Call call = c.call(verb).set("CNI_NETNS", path);
      if (verb == std::string("CHECK"))
        call.with("prevResult", make_prev_result(c.subject().newest, path));
      c.expect_error(c.run(call), std::string(verb) + " with CNI_NETNS=" + path, {4},
                     {"CNI_NETNS"});
    }
  }
  c.expect_unchanged(before, "paths that are not a network namespace");
}

void guards_own_namespace(Context& c) {
  for (const char* verb : {"ADD", "DEL"}) {
    c.expect_error(c.run(c.call(verb).set("CNI_NETNS", "/proc/self/ns/net")),
                   std::string(verb) + " with CNI_NETNS=/proc/self/ns/net", {8});
  }
  // The plugin before a chained one would have made the link there.
  if (c.subject().is_chained()) attach_sandbox("/proc/self/ns/net", c.subject().ifname);
  for (const char* yes : {"True", "1"}) {
    Call add = c.call("ADD").set("CNI_NETNS", "/proc/self/ns/net").set("CNI_NETNS_OVERRIDE", yes);
    c.expect_ok(c.run(add), "ADD in the own namespace with CNI_NETNS_OVERRIDE=" + std::string(yes));
    c.expect_ok(c.run(add.set("CNI_COMMAND", "DEL")), "DEL of it");
  }
}

void guards_before_work(Context& c) {
  const Snapshot before = c.snapshot();
  for (const char* verb : {"ADD", "DEL"}) {
    const Outcome outcome = c.run(c.call(verb).set("CNI_NETNS", "/proc/self/ns/net"));
    const std::string what = std::string(verb) + " with CNI_NETNS=/proc/self/ns/net";
    c.expect(parse_json(outcome.out).is_object(), what, "one JSON document", describe(outcome));
    c.expect_unchanged(before, what);
  }
}

void checks_own_namespace(Context& c) {
  Call check = c.call("CHECK").set("CNI_NETNS", "/proc/self/ns/net");
  const Outcome outcome =
      c.run(check.with("prevResult", make_prev_result(c.subject().newest, "/proc/self/ns/net")));
  const bool defined = outcome.succeeded() || (outcome.exit_code > 0 && code_of(outcome) > 0);
  c.expect(defined, "CHECK in the own namespace", "success or an error object", describe(outcome));
}

/// ADD, take the namespace away, DEL with `netns` (nullptr: unset): nothing may remain.
void del_without_namespace(Context& c, const char* netns, const std::string& what) {
  remove_sandbox(kSandbox);
  make_sandbox(kSandbox);
  const Snapshot before = c.snapshot();
  const Json result = c.add();
  remove_sandbox(kSandbox);
  Call del = c.call("DEL").with("prevResult", result);
  c.expect_ok(c.run(netns != nullptr ? del.set("CNI_NETNS", netns) : del.unset("CNI_NETNS")), what);
  make_sandbox(kSandbox);
  c.expect_restored(before, what);
}

void del_needs_no_namespace(Context& c) {
  c.warm_up();
  del_without_namespace(c, nullptr, "DEL with CNI_NETNS unset");
  del_without_namespace(c, "", "DEL with CNI_NETNS empty");
  del_without_namespace(c, kSandbox, "DEL with CNI_NETNS missing");
  del_without_namespace(c, "/proc/4194303/ns/net", "DEL with CNI_NETNS of a dead process");
}

void del_takes_stale_file_for_missing(Context& c) {
  c.warm_up();
  write_text(kStale, "");
  del_without_namespace(c, kStale.c_str(), "DEL with CNI_NETNS naming a plain file");
}

void del_creates_nothing(Context& c) {
  c.expect_ok(c.run(c.call("DEL").set("CNI_NETNS", kMissing)), "DEL with a missing CNI_NETNS");
  c.expect(!fs::exists(kMissing), "DEL with a missing CNI_NETNS", "the path still missing",
           "it exists");
}

void opens_once(Context& c) {
  const std::string strace = find_tool("strace");
  if (strace.empty()) return c.skip("needs the strace tool");
  const std::string trace = std::string(kScratch) + "/trace";
  Json result;
  for (const char* verb : {"ADD", "CHECK", "DEL"}) {
    Call call = c.call(verb);
    if (verb != std::string("ADD")) call.with("prevResult", result);
    call.process.arguments = {"-e", "trace=open,openat", "-o", trace, call.process.program};
    call.process.program = strace;
    call.set("ASAN_OPTIONS", "detect_leaks=0");  // its leak check cannot work while traced
    const Outcome outcome = c.run(call);
    if (!c.expect_ok(outcome, std::string(verb) + " under strace")) return;
    if (verb == std::string("ADD")) result = parse_json(outcome.out);
    const std::string seen = read_text(trace);
    std::size_t count = 0;
    for (std::size_t at = 0; (at = seen.find(kSandbox, at)) != std::string::npos; ++at) ++count;
    c.expect(count <= 1, verb, "one open of CNI_NETNS", std::to_string(count) + " opens");
  }
}

}  // namespace

std::vector<Row> netns_rows() {
  return {{"S-036", attaches, takes_any_path},
          {"S-037", attaches, repeats_path},
          {"S-038", attaches, refuses_what_is_no_namespace},
          {"S-039", anyone, guards_own_namespace},
          {"S-040", anyone, guards_before_work},
          {"S-041", anyone, checks_own_namespace},
          {"S-042", anyone, del_needs_no_namespace},
          {"S-043", anyone, del_takes_stale_file_for_missing},
          {"S-044", anyone, del_creates_nothing},
          {"S-045", attaches, opens_once}};
}

}  // namespace conformance
