// SPDX-License-Identifier: Apache-2.0
// A1: dispatch, environment variables, what is required.
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

void ignores_arguments(Context& c) {
  Call add = c.call("ADD");
  add.process.arguments = {"--help", "x"};
  const Json result = c.add(add);
  c.expect(result.is_object() && !result.contains("help"), "ADD with argv `--help x`", "a result",
           result.dump());
  Call del = c.call("DEL").with("prevResult", result);
  del.process.arguments = {"--version"};
  const Outcome outcome = c.run(del);
  c.expect(outcome.succeeded() && outcome.out.empty(), "DEL with argv `--version`", "silence",
           describe(outcome));
}

void refuses_unknown_verbs(Context& c) {
  const Snapshot before = c.snapshot();
  for (const char* verb : {"add", "Add", " ADD", "ADD ", "DELETE", "GET", "NOPE"}) {
    c.expect_error(c.run(c.call(verb)), "CNI_COMMAND=\"" + std::string(verb) + "\"", {4},
                   {"CNI_COMMAND"});
  }
  c.expect_unchanged(before, "unknown verbs");
}

void says_unknown_verb_exactly(Context& c) {
  const Outcome outcome = c.run(c.call("NOPE"));
  const Json error = parse_json(outcome.out);
  const bool exact = error.is_object() && error.value("msg", "") == "unknown CNI_COMMAND: NOPE";
  c.expect(exact && !error.contains("details"), "CNI_COMMAND=NOPE",
           "msg `unknown CNI_COMMAND: NOPE` and no details", describe(outcome));
}

void unknown_verb_without_stdin(Context& c) {
  c.expect_error(c.run(c.call("NOPE").input("")), "CNI_COMMAND=NOPE with empty stdin", {4, 6});
}

void prints_about_without_verb(Context& c) {
  for (const bool empty : {false, true}) {
    Call call = c.call("ADD").input("");
    call.environment.clear();
    if (empty) call.set("CNI_COMMAND", "");
    const Outcome outcome = c.run(call);
    const std::string what = empty ? "CNI_COMMAND empty" : "CNI_COMMAND unset";
    c.expect(outcome.succeeded() && outcome.out.empty(), what, "exit 0 and nothing on stdout",
             describe(outcome));
    const std::string about = "CNI " + c.subject().type + " plugin";
    const bool both = outcome.err.find(about) != std::string::npos &&
                      outcome.err.find("CNI protocol versions supported: ") != std::string::npos;
    c.expect(both, what, "about line and versions on stderr", describe(outcome));
  }
}

void answers_version_option(Context& c) {
  const Snapshot before = c.snapshot();
  for (const char* option : {"--version", "--help"}) {
    Call call = c.call("ADD").input("");
    call.environment.clear();
    call.process.arguments = {option};
    const Outcome outcome = c.run(call);
    c.expect(outcome.succeeded() && !outcome.out.empty(), option, "exit 0 and text on stdout",
             describe(outcome));
  }
  c.expect_unchanged(before, "--version and --help");
  const std::string strace = find_tool("strace");
  if (strace.empty()) return;
  ProcessSetup traced{strace};
  const std::string trace = std::string(kScratch) + "/trace";
  traced.arguments = {"-f",       "-e", "trace=socket", "-o", trace, c.call("ADD").process.program,
                      "--version"};
  run_process(traced);
  const std::string seen = read_text(trace);
  c.expect(seen.find("NETLINK") == std::string::npos, "--version", "no netlink socket", seen);
}

void needs(Context& c, const std::string& verb, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    c.expect_error(c.run(c.call(verb).unset(name)), verb + " without " + name, {4}, {name});
  }
}

void add_needs_its_variables(Context& c) {
  const Snapshot before = c.snapshot();
  needs(c, "ADD", {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"});
  c.expect_unchanged(before, "ADD without a required variable");
  c.add(c.call("ADD").unset("CNI_ARGS"));
}

void check_needs_its_variables(Context& c) {
  needs(c, "CHECK", {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"});
}

void del_needs_its_variables(Context& c) {
  const Json result = c.add();
  needs(c, "DEL", {"CNI_CONTAINERID", "CNI_IFNAME"});
  c.expect_ok(c.run(c.call("DEL").with("prevResult", result).unset("CNI_NETNS").unset("CNI_ARGS")),
              "DEL without CNI_NETNS and CNI_ARGS");
}

Call bare(const Context& c, const std::string& verb) {
  Call call = c.call(verb);
  return call.unset("CNI_CONTAINERID").unset("CNI_NETNS").unset("CNI_IFNAME");
}

void gc_needs_path_only(Context& c) {
  c.expect_ok(c.run(bare(c, "GC").with("cni.dev/valid-attachments", Json::array())),
              "GC with COMMAND and PATH only");
  c.expect_error(c.run(bare(c, "GC").unset("CNI_PATH")), "GC without CNI_PATH", {4}, {"CNI_PATH"});
}

void status_needs_command_only(Context& c) {
  c.expect_ok(c.run(bare(c, "STATUS")), "STATUS with COMMAND and PATH only");
}

void version_needs_command_only(Context& c) {
  Call call = c.call("VERSION").input("");
  call.environment = {{"CNI_COMMAND", "VERSION"}};
  c.expect_ok(c.run(call), "VERSION with CNI_COMMAND alone");
}

void path_is_required(Context& c) {
  for (const char* verb : {"ADD", "DEL", "CHECK"}) needs(c, verb, {"CNI_PATH"});
  if (has_gc(c.subject())) needs(c, "STATUS", {"CNI_PATH"});
}

void empty_is_missing(Context& c) {
  for (const char* name : {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"}) {
    c.expect_error(c.run(c.call("ADD").set(name, "")), "ADD with an empty " + std::string(name),
                   {4}, {name});
  }
}

void names_all_missing(Context& c) {
  Call add = c.call("ADD");
  add.unset("CNI_NETNS").unset("CNI_IFNAME").unset("CNI_PATH");
  const Outcome outcome = c.run(add);
  c.expect_error(outcome, "ADD without three variables", {4},
                 {"CNI_NETNS", "CNI_IFNAME", "CNI_PATH"});
  const std::size_t netns = outcome.out.find("CNI_NETNS");
  const std::size_t ifname = outcome.out.find("CNI_IFNAME");
  c.expect(netns < ifname && ifname < outcome.out.find("CNI_PATH"), "ADD without three variables",
           "the names in the order NETNS, IFNAME, PATH", describe(outcome));
}

void names_the_offender(Context& c) {
  for (const char* verb : {"ADD", "CHECK", "DEL"}) {
    c.expect_error(c.run(c.call(verb).set("CNI_CONTAINERID", "a b")),
                   std::string(verb) + " of container `a b`", {4}, {"CNI_CONTAINERID"});
    c.expect_error(c.run(c.call(verb).set("CNI_IFNAME", "a/b")),
                   std::string(verb) + " of interface `a/b`", {4}, {"CNI_IFNAME"});
  }
}

void names_missing_and_malformed(Context& c) {
  for (const char* verb : {"ADD", "CHECK", "DEL"}) {
    c.expect_error(c.run(c.call(verb).unset("CNI_CONTAINERID").set("CNI_IFNAME", "a/b")),
                   std::string(verb) + " without container, interface `a/b`", {4},
                   {"CNI_CONTAINERID", "CNI_IFNAME"});
  }
}

void ignores_attachment_variables(Context& c) {
  for (const char* verb : {"GC", "STATUS", "VERSION"}) {
    if (verb != std::string("VERSION") && !has_gc(c.subject())) continue;
    for (const char* value : {"", "a b/c"}) {
      Call call = c.call(verb);
      call.set("CNI_CONTAINERID", value)
          .set("CNI_IFNAME", value)
          .set("CNI_NETNS", "dummy")
          .set("CNI_ARGS", "x");
      c.expect_ok(c.run(call),
                  std::string(verb) + " with CNI_CONTAINERID and CNI_IFNAME `" + value + "`");
    }
  }
}

void ignores_unknown_variables(Context& c) {
  c.add(c.call("ADD").set("CNI_VERSION", "9").set("CNI_FOO", "x"));
}

void passes_trace_variables(Context& c) {
  c.add(c.call("ADD").set("TRACEPARENT", "garbage").set("TRACESTATE", "=;,").set("BAGGAGE", "%%"));
  if (!c.subject().delegates()) return;
  Call add = c.delegated("ADD").set("CNI_IFNAME", "eth1");
  c.run(add.set("TRACEPARENT", "garbage").set("TRACESTATE", "=;,").set("BAGGAGE", "%%"));
  const std::vector<Json> calls = c.recorder().calls();
  if (!c.expect(!calls.empty(), "ADD with a delegate", "a call of the delegate", "none")) return;
  for (const auto& [name, value] :
       {std::pair{"TRACEPARENT", "garbage"}, {"TRACESTATE", "=;,"}, {"BAGGAGE", "%%"}}) {
    const std::string seen = calls[0]["env"].value(name, "(unset)");
    c.expect(seen == value, std::string(name) + " at the delegate", value, seen);
  }
}

void needs_no_path(Context& c) {
  c.add(c.call("ADD").unset("PATH"));
  c.expect_ok(c.run(c.call("DEL").unset("PATH")), "DEL without PATH");
  c.add(c.call("ADD").set("LANG", "xx_YY.nonsense").set("LC_ALL", "../..").set("HOME", ""));
}

/// A link that lies on a link of the host has no end there, nor has one that stays in the sandbox
/// or was moved there.
bool makes_host_side(const Subject& subject) {
  return makes_link(subject) && !subject.stays_in_sandbox && !subject.config.contains("master") &&
         !subject.config.contains("device");
}

void host_side_is_where_it_starts(Context& c) {
  const std::size_t before = link_names("").size();
  c.add();
  const std::vector<std::string> links = link_names("");
  c.expect(links.size() > before, "ADD", "its host-side links in the namespace it was started in",
           join(links));
  c.expect(namespace_id("/proc/self/ns/net") != namespace_id("/proc/1/ns/net"), "the suite itself",
           "a namespace of its own", "that of process 1");
}

}  // namespace

std::vector<Row> dispatch_rows() {
  return {{"S-001", anyone, ignores_arguments},
          {"S-002", anyone, refuses_unknown_verbs},
          {"S-003", anyone, says_unknown_verb_exactly},
          {"S-004", anyone, unknown_verb_without_stdin},
          {"S-005", anyone, prints_about_without_verb},
          {"S-006", anyone, answers_version_option},
          {"S-007", anyone, add_needs_its_variables},
          {"S-008", anyone, check_needs_its_variables},
          {"S-009", anyone, del_needs_its_variables},
          {"S-010", has_gc, gc_needs_path_only},
          {"S-011", has_gc, status_needs_command_only},
          {"S-012", anyone, version_needs_command_only},
          {"S-013", anyone, path_is_required},
          {"S-014", anyone, empty_is_missing},
          {"S-015", anyone, names_all_missing},
          {"S-016", anyone, names_the_offender},
          {"S-017", anyone, names_missing_and_malformed},
          {"S-018", anyone, ignores_attachment_variables},
          {"S-019", anyone, ignores_unknown_variables},
          {"S-020", anyone, passes_trace_variables},
          {"S-021", anyone, needs_no_path},
          {"S-022", makes_host_side, host_side_is_where_it_starts}};
}

}  // namespace conformance
