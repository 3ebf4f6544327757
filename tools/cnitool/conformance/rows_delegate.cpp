// SPDX-License-Identifier: Apache-2.0
// A18: delegation, with the recorder as IPAM plugin.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "tools/cnitool/conformance/attachment_calls.h"
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

const std::string kFirst = std::string(kScratch) + "/first";
const std::string kSecond = std::string(kScratch) + "/second";

std::string path_of(const std::vector<std::string>& folders) {
  std::string path;
  for (const std::string& folder : folders) path += (path.empty() ? "" : ":") + folder;
  return path;
}

/// Makes the folders kFirst and kSecond, the recorder in the second.
void make_folders(Context& c) {
  c.delegated("ADD");
  fs::create_directories(kFirst);
  fs::create_directories(kSecond);
  fs::create_hard_link(std::string(kDoubles) + "/ipam", kSecond + "/ipam");
}

std::string executed(const Context& c) {
  const std::vector<Json> calls = c.recorder().calls();
  return calls.empty() ? "(nothing)" : calls[0]["argv"][0].get<std::string>();
}

void takes_the_first_file(Context& c) {
  make_folders(c);
  fs::create_directories(kFirst + "/ipam");
  const Call add = c.delegated("ADD");
  Call call = add;
  c.add(call.set("CNI_PATH", path_of({kFirst, kSecond, kDoubles})));
  c.expect(executed(c) == kSecond + "/ipam", "a folder of that name first", kSecond + "/ipam",
           executed(c));
  // The delegate gives out one address, which only one attachment can have.
  Call del = c.delegated("DEL");
  c.expect_ok(c.run(del.set("CNI_PATH", path_of({kSecond, kDoubles}))), "DEL");
  c.recorder().reset();
  call = add;
  c.add(for_attachment(call.set("CNI_PATH", path_of({kDoubles, kSecond})), "c2", "eth1"));
  c.expect(executed(c) == std::string(kDoubles) + "/ipam", "two files", "the first", executed(c));
}

void searches_no_odd_element(Context& c) {
  make_folders(c);
  for (const char* path : {":", ".", "second", "::second:./second"}) {
    Call add = c.delegated("ADD");
    const bool here = path == std::string(":") || path == std::string(".");
    add.process.directory = here ? kSecond : kScratch;
    add.set("CNI_PATH", path).set("PATH", kSecond);
    const Outcome outcome = c.run(add);
    c.expect_error(outcome, "ADD with CNI_PATH `" + std::string(path) + "`", {});
    c.expect(c.recorder().calls().empty(), "ADD with CNI_PATH `" + std::string(path) + "`",
             "nothing executed", executed(c));
  }
}

void skips_what_cannot_run(Context& c) {
  make_folders(c);
  write_text(kFirst + "/ipam", "x");
  const Outcome outcome = c.run(c.delegated("ADD").set("CNI_PATH", path_of({kFirst, kSecond})));
  if (!outcome.succeeded())
    c.expect_error(outcome, "a delegate that is not executable", {}, {kFirst});
}

void passes_everything_on(Context& c) {
  Call add = c.delegated("ADD").set("FOO", "bar").set("CNI_ARGS", "IgnoreUnknown=1;A=B");
  const std::string text = "  " + add.config.dump(3) + " \n";
  c.add(add.input(text));
  const std::vector<Json> calls = c.recorder().calls();
  if (!c.expect(!calls.empty(), "ADD", "a call of the delegate", "none")) return;
  c.expect(calls[0].value("stdin", "") == text, "stdin of the delegate", "the same bytes",
           calls[0].value("stdin", ""));
  for (const auto& [name, value] : add.environment) {
    const std::string seen = calls[0]["env"].value(name, "(unset)");
    c.expect(seen == value, name + " at the delegate", value, seen);
  }
}

void shows_stderr(Context& c) {
  const Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.stderr", "a-word-of-warning\n");
  const Outcome good = c.run(add);
  c.expect(good.err.find("a-word-of-warning") != std::string::npos, "ADD that works",
           "the delegate's stderr", describe(good));
  c.recorder().play("ipam", "ADD.exit", "1");
  c.recorder().play("ipam", "ADD.stdout", R"({"cniVersion":"1.0.0","code":123,"msg":"m"})");
  const Outcome bad = c.run(for_attachment(add, "c2", "eth1"));
  c.expect(bad.err.find("a-word-of-warning") != std::string::npos, "ADD that fails",
           "the delegate's stderr", describe(bad));
}

void reads_any_version(Context& c) {
  int number = 0;
  for (const std::string& version : c.subject().versions) {
    c.recorder().reset();
    const Call add = for_attachment(c.delegated("ADD"), "c1", "eth" + std::to_string(number++));
    Json answer = make_prev_result(version, "");
    answer.erase("interfaces");
    if (answer.contains("ips")) answer["ips"][0].erase("interface");
    c.recorder().play("ipam", "ADD.stdout", answer.dump());
    const Json result = c.add(add);
    c.expect(join(addresses_of(result)) == as_listed(c.subject(), "10.99.0.2/24"),
             "an IPAM result of " + version, "its address", result.dump());
    Call del = add;
    c.run(del.set("CNI_COMMAND", "DEL").with("prevResult", result));
  }
  const Call add = for_attachment(c.delegated("ADD"), "c1", "eth9");
  c.recorder().play("ipam", "ADD.stdout",
                    R"({"ips":[{"address":"10.99.0.3/24","gateway":"10.99.0.1"}]})");
  c.expect(join(addresses_of(c.add(add))) == as_listed(c.subject(), "10.99.0.3/24"),
           "an IPAM result without version", "its address", "another");
}

void rolls_the_delegate_back(Context& c) {
  const Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.exit", "1");
  c.recorder().play("ipam", "ADD.stdout", R"({"cniVersion":"1.0.0","code":123,"msg":"m"})");
  c.expect_error(c.run(add), "ADD with a failing delegate", {123});
  c.expect(c.recorder().verbs() == "ADD DEL", "a delegate that fails ADD", "ADD DEL",
           c.recorder().verbs());
}

void rolls_back_after_own_failure(Context& c) {
  const Call add = c.delegated("ADD");
  // An IPAM result whose route cannot be set, because its gateway is out of reach.
  c.recorder().play(
      "ipam", "ADD.stdout",
      R"({"cniVersion":"1.0.0","ips":[{"address":"10.77.0.2/24"}],"routes":[{"dst":"10.5.0.0/16","gw":"192.0.2.1"}]})");
  const Outcome outcome = c.run(add);
  if (outcome.succeeded())
    return c.skip("the plugin installs a route whose gateway is out of reach");
  c.expect(c.recorder().verbs() == "ADD DEL", "an own failure after the delegate's success",
           "ADD DEL", c.recorder().verbs());
}

void forwards_verbs(Context& c) {
  std::vector<std::string> verbs = {"CHECK", "DEL"};
  if (has_gc(c.subject())) verbs.insert(verbs.begin(), {"GC", "STATUS"});
  const Json result = c.add(c.delegated("ADD"));
  for (const std::string& verb : verbs) {
    c.recorder().reset();
    c.recorder().play("ipam", verb + ".exit", "1");
    c.recorder().play("ipam", verb + ".stdout",
                      R"({"cniVersion":"1.0.0","code":123,"msg":"delegate says no"})");
    c.expect_error(c.run(c.delegated(verb).with("prevResult", result)),
                   verb + " with a failing delegate", {}, {"delegate says no"});
    c.expect(c.recorder().verbs() == verb, verb, "one " + verb + " at the delegate",
             c.recorder().verbs());
  }
}

void needs_addresses(Context& c) {
  const Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.stdout", "{}");
  c.expect_error(c.run(add), "ADD with IPAM result `{}`", {});
  c.expect(c.recorder().verbs() == "ADD DEL", "IPAM result `{}`", "ADD DEL", c.recorder().verbs());
}

void names_what_it_did_not_find(Context& c) {
  Call add = c.call("ADD").with("ipam", {{"type", "nope"}});
  c.expect_error(c.run(add.set("CNI_PATH", std::string(kDoubles) + ":" + kPlugins)),
                 "ADD with ipam.type nope", {}, {"nope", kDoubles, kPlugins});
}

void quotes_invalid_output(Context& c) {
  const Call add = c.delegated("ADD");
  for (const char* output :
       {"", "garbage-here", "{}{}", "[1]", R"({"cniVersion":"1.0.0","ips":"x"})",
        R"({"cniVersion":"9.9.9"})", R"({"cniVersion":"1.0.0","ips":[null]})"}) {
    c.recorder().reset();
    c.recorder().play("ipam", "ADD.stdout", output);
    const std::string what = "ADD with delegate output `" + std::string(output) + "`";
    const std::vector<std::string> quoted = output == std::string("garbage-here")
                                                ? std::vector<std::string>{output}
                                                : std::vector<std::string>{};
    c.expect_error(c.run(add), what, {}, quoted);
    c.expect(c.recorder().verbs() == "ADD DEL", what, "ADD DEL", c.recorder().verbs());
  }
}

void reports_death_by_signal(Context& c) {
  const Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.signal", std::to_string(SIGKILL));
  c.recorder().play("ipam", "ADD.stdout", " ");
  const Outcome outcome = c.run(add);
  c.expect_error(outcome, "ADD with a delegate killed by SIGKILL", {});
  const bool said = outcome.out.find("SIGKILL") != std::string::npos ||
                    outcome.out.find("signal: killed") != std::string::npos;
  c.expect(said, "ADD with a delegate killed by SIGKILL", "the signal in the message",
           describe(outcome));
}

void takes_the_delegate_along(Context& c) {
  Call add = c.delegated("ADD");
  c.recorder().play("ipam", "ADD.sleep", "20000");
  for (const int number : {SIGTERM, SIGKILL}) {
    c.run(c.delegated("DEL"));
    const std::size_t before = c.recorder().calls().size();
    Process process(c.prepare(add));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (c.recorder().calls().size() == before && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const std::vector<Json> calls = c.recorder().calls();
    if (!c.expect(calls.size() > before, "ADD", "a call of the delegate", "none")) return;
    kill(process.pid(), number);
    const std::string entry = "/proc/" + std::to_string(calls.back().value("pid", 0)) + "/cmdline";
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (!read_text(entry).empty() && std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const bool gone = read_text(entry).empty();
    if (!gone) kill(calls.back().value("pid", 0), SIGKILL);
    c.expect(gone, "signal " + std::to_string(number) + " during the delegate's ADD",
             "the delegate gone within 1 s", "it runs on");
    process.finish();
  }
}

void gates_by_version(Context& c) {
  for (const char* verb : {"GC", "STATUS"}) {
    c.expect_error(c.run(c.delegated(verb).with("cniVersion", "1.0.0")),
                   std::string(verb) + " at 1.0.0", {1});
  }
  c.expect(c.recorder().calls().empty(), "GC and STATUS at 1.0.0", "no call of the delegate",
           c.recorder().verbs());
}

bool modern_with_delegate(const Subject& subject) {
  return has_gc(subject) && subject.delegates();
}

}  // namespace

std::vector<Row> delegate_rows() {
  return {{"S-227", delegates, takes_the_first_file},
          {"S-228", delegates, searches_no_odd_element},
          {"S-229", delegates, skips_what_cannot_run},
          {"S-230", delegates, passes_everything_on},
          {"S-231", delegates, shows_stderr},
          {"S-232", delegates, reads_any_version},
          {"S-233", delegates, rolls_the_delegate_back},
          {"S-234", delegates, rolls_back_after_own_failure},
          {"S-235", delegates, forwards_verbs},
          {"S-236", delegates, needs_addresses},
          {"S-237", delegates, names_what_it_did_not_find},
          {"S-238", delegates, quotes_invalid_output},
          {"S-239", delegates, reports_death_by_signal},
          {"S-240", delegates, takes_the_delegate_along},
          {"S-241", modern_with_delegate, gates_by_version}};
}

}  // namespace conformance
