// SPDX-License-Identifier: Apache-2.0
// A9: the error object and its codes. Context::run() checks the rules that hold for every error
// too, and its findings belong to these rows.
#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>

#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

/// Calls that fail, each with its code.
struct Failing {
  Call call;
  int code;
};

std::vector<Failing> failing_calls(const Context& c) {
  return {{c.call("NOPE"), 4},
          {c.call("ADD").unset("CNI_IFNAME"), 4},
          {c.call("DEL").set("CNI_CONTAINERID", "a b"), 4},
          {c.call("ADD").input("{"), 6},
          {c.call("ADD").without("name"), 7},
          {c.call("ADD").with("cniVersion", "9.9.9"), 1},
          {c.call("DEL").with("cniVersion", 1), 6}};
}

void has_the_right_keys(Context& c) {
  for (const Failing& failing : failing_calls(c)) {
    const Outcome outcome = c.run(failing.call);
    const Json error = parse_json(outcome.out);
    if (!c.expect(error.is_object(), failing.call.verb(), "an error object", describe(outcome)))
      continue;
    for (const auto& [key, value] : error.items()) {
      const bool known = key == "cniVersion" || key == "code" || key == "msg" || key == "details";
      c.expect(known, failing.call.verb(), "cniVersion, code, msg, details only", key);
    }
    c.expect(error.value("details", "x") != "", failing.call.verb(),
             "no details rather than empty ones", error.dump());
  }
}

void carries_a_version(Context& c) {
  const auto version_of = [&](const Call& call) {
    const Json error = parse_json(c.run(call).out);
    return error.is_object() ? error.value("cniVersion", "(none)") : "(no error object)";
  };
  const std::string newest = c.subject().newest;
  const auto expect = [&](const std::string& what, const std::string& wanted,
                          const std::string& seen) {
    c.expect(seen == wanted, "cniVersion of the error for " + what, wanted, seen);
  };
  expect("a bad environment", newest, version_of(c.call("NOPE")));
  expect("stdin `{`", newest, version_of(c.call("ADD").input("{")));
  expect("version 9.9.9", newest, version_of(c.call("ADD").with("cniVersion", "9.9.9")));
  if (!c.subject().supports("0.4.0")) return;
  expect("a bad name at 0.4.0", "0.4.0", version_of(c.call("ADD", "0.4.0").with("name", "a b")));
}

void has_code(Context& c, int code) {
  for (const Failing& failing : failing_calls(c)) {
    if (failing.code != code) continue;
    c.expect_error(c.run(failing.call), failing.call.verb(), {code});
  }
}

void uses_code_1(Context& c) {
  has_code(c, 1);
}

void uses_code_2(Context& c) {
  const Outcome outcome = c.run(c.call("ADD").with("unheardOf", "of-value"));
  if (code_of(outcome) == 2)
    c.expect_error(outcome, "an unknown key", {2}, {"unheardOf", "of-value"});
}

void avoids_code_3(Context& c) {
  // Every ADD and DEL of every row is checked; these cases are the likely ones.
  c.run(c.call("DEL").set("CNI_CONTAINERID", "never-seen"));
  c.run(c.call("DEL").set("CNI_CONTAINERID", "never-seen").set("CNI_NETNS", "/run/netns/missing"));
  c.run(c.call("ADD").set("CNI_NETNS", "/run/netns/missing"));
}

void uses_code_4(Context& c) {
  has_code(c, 4);
}

void uses_code_5(Context& c) {
  Call folder = c.call("ADD");
  folder.process.input_path = kScratch;
  c.expect_error(c.run(folder), "ADD with a folder as stdin", {5});
  if (!c.subject().is_ipam() || c.subject().type != "host-local") return;
  // A file in the place of the state folder.
  write_text("/var/lib/cni", "");
  c.expect_error(c.run(c.call("ADD")), "ADD with a file in place of /var/lib/cni", {5});
}

void uses_code_6(Context& c) {
  has_code(c, 6);
}

void uses_code_7(Context& c) {
  has_code(c, 7);
  const Json::json_pointer ranges("/ipam/ranges");
  Call add = c.call("ADD");
  if (!add.config.contains(ranges)) return;
  const auto refuse = [&](const char* range) {
    add.config[ranges] = Json::parse(range);
    c.expect_error(c.run(add), "ADD with ranges " + std::string(range), {7});
  };
  refuse(R"([[{"subnet":"10.88.0.0/33"}]])");
  refuse(R"([[{"subnet":"10.88.0.0/24","rangeStart":"10.99.0.1"}]])");
  refuse(R"([[{"subnet":"10.88.0.0/24","rangeStart":"10.88.0.9","rangeEnd":"10.88.0.2"}]])");
  refuse(R"([[{"subnet":"10.88.0.0/24"}],[{"subnet":"10.88.0.0/16"}]])");
  refuse("[]");
}

void uses_code_8(Context& c) {
  c.expect_error(c.run(c.call("ADD").set("CNI_NETNS", "/proc/self/ns/net")),
                 "ADD in the own namespace", {8});
}

/// Holds the lock of a network's reservations while `body` runs.
template <typename Body>
void with_lock_held(const Body& body) {
  fs::create_directories("/var/lib/cni/networks/net1");
  const base::UniqueFd lock(
      open("/var/lib/cni/networks/net1/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  flock(lock.get(), LOCK_EX);
  body();
}

void uses_code_11(Context& c) {
  with_lock_held([&] {
    Call add = c.call("ADD");
    add.process.timeout = std::chrono::seconds(30);
    const Outcome outcome = c.run(add);
    c.expect_error(outcome, "ADD while the lock of the reservations is held", {11});
  });
}

void keeps_status_codes_for_status(Context& c) {
  if (!c.subject().delegates()) return;
  const Outcome outcome = c.run(c.call("STATUS").with("ipam", {{"type", "not-installed"}}));
  c.expect_error(outcome, "STATUS with an IPAM plugin that is not there", {50, 51});
}

void emits_no_reserved_code(Context& c) {
  for (const Failing& failing : failing_calls(c)) c.run(failing.call);
}

void uses_999_or_better(Context& c) {
  if (!c.subject().makes_link() || !make_link_there("eth0", kSandbox)) return;
  const Outcome outcome = c.run(c.call("ADD"));
  c.expect(code_of(outcome) >= 100 || code_of(outcome) == 4 || code_of(outcome) == 7,
           "ADD of an interface that exists", "a code that says so, or 999", describe(outcome));
}

void emits_no_code_0(Context& c) {
  const Call add = c.delegated("ADD");
  const std::string path = std::string(kDoubles) + "/not-runnable";
  write_text(path, "x");
  Call broken = add;
  broken.foreign = false;
  const Outcome outcome = c.run(broken.with("ipam", {{"type", "not-runnable"}}));
  c.expect(outcome.exit_code > 0 && code_of(outcome) > 0,
           "ADD with a delegate that is not executable", "a code above 0", describe(outcome));
  c.recorder().play("ipam", "ADD.exit", "1");
  const Outcome silent = c.run(add);
  c.expect(silent.exit_code > 0 && code_of(silent) > 0, "ADD with a delegate that fails in silence",
           "a code above 0", describe(silent));
}

void passes_delegate_errors_on(Context& c) {
  const Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.exit", "1");
  c.recorder().play("ipam", "ADD.stdout",
                    R"({"cniVersion":"1.0.0","code":123,"msg":"m","details":"d"})");
  const Outcome outcome = c.run(add);
  const Json error = parse_json(outcome.out);
  const bool same = error.is_object() && code_of(outcome) == 123 && error.value("msg", "") == "m" &&
                    error.value("details", "") == "d";
  c.expect(outcome.exit_code > 0 && same, "a delegate's error", "code 123, msg m, details d",
           describe(outcome));
}

void quotes_binary_as_text(Context& c) {
  const std::string binary = "\x01\xff\xc3(\xf0\x9f";
  for (const Call& call :
       {c.call("ADD").set("CNI_CONTAINERID", binary), c.call("ADD").set("CNI_IFNAME", "a\xff"),
        c.call("ADD").input(binary),
        c.call("ADD").input("{\"name\":\"" + binary + "\",\"cniVersion\":\"1.0.0\"}"),
        c.call(binary), c.call("ADD").set("CNI_NETNS", "/run/" + binary)}) {
    const Outcome outcome = c.run(call);
    if (outcome.succeeded()) continue;
    c.expect(parse_json(outcome.out).is_object(), "an error that quotes binary input",
             "valid JSON in UTF-8", describe(outcome));
  }
  const Outcome outcome =
      c.run(c.call("ADD").with("password", "s3cret").with("name", "a b").set("API_TOKEN", "t0ken"));
  const bool leaks = outcome.out.find("s3cret") != std::string::npos ||
                     outcome.out.find("t0ken") != std::string::npos;
  c.expect(!leaks, "an error", "neither other keys nor the environment", describe(outcome));
}

void says_it_on_one_line(Context& c) {
  const std::string longest(5000, 'x');
  for (const Call& call :
       {c.call("ADD").set("CNI_IFNAME", longest),
        c.call("ADD").set("CNI_CONTAINERID", "/" + longest),
        c.call("ADD").with("name", "/" + longest), c.call("ADD").with("cniVersion", longest),
        c.call("ADD").set("CNI_NETNS", "/" + longest), c.call("ADD").input("{\"" + longest)}) {
    c.run(call);
  }
}

bool locks(const Subject& subject) {
  return subject.config.value(Json::json_pointer("/ipam/type"), "") == "host-local";
}

}  // namespace

std::vector<Row> error_rows() {
  return {{"S-095", anyone, has_the_right_keys},
          {"S-096", anyone, carries_a_version},
          {"S-097", anyone, uses_code_1},
          {"S-098", anyone, uses_code_2},
          {"S-099", anyone, avoids_code_3},
          {"S-100", anyone, uses_code_4},
          {"S-101", anyone, uses_code_5},
          {"S-102", anyone, uses_code_6},
          {"S-103", anyone, uses_code_7},
          {"S-104", anyone, uses_code_8},
          {"S-105", locks, uses_code_11},
          {"S-106", has_gc, keeps_status_codes_for_status},
          {"S-107", anyone, emits_no_reserved_code},
          {"S-108", anyone, uses_999_or_better},
          {"S-109", delegates, emits_no_code_0},
          {"S-110", delegates, passes_delegate_errors_on},
          {"S-111", anyone, quotes_binary_as_text},
          {"S-112", anyone, says_it_on_one_line}};
}

}  // namespace conformance
