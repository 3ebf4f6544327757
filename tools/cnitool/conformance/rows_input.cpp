// SPDX-License-Identifier: Apache-2.0
// A5: the request configuration on standard input.
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

std::vector<std::string> verbs_with_config(const Context& c) {
  std::vector<std::string> verbs = {"ADD", "DEL", "CHECK"};
  if (has_gc(c.subject())) verbs.insert(verbs.end(), {"GC", "STATUS"});
  return verbs;
}

std::string config_text(const Context& c) {
  return c.call("ADD").config.dump();
}

/// The configuration with `member` as its first member.
std::string with_first(const Context& c, const std::string& member) {
  return "{" + member + "," + config_text(c).substr(1);
}

/// Runs ADD, which must succeed, and DEL, so that the next ADD starts from nothing.
void add_and_del(Context& c, const Call& add, const std::string& what) {
  const Outcome outcome = c.run(add);
  c.expect_ok(outcome, what);
  Call del = add;
  c.run(del.set("CNI_COMMAND", "DEL"));
}

void reads_to_the_end(Context& c) {
  add_and_del(c, c.call("ADD").with("padding", std::string(1 << 20, 'x')),
              "ADD with 1 MiB of configuration");
  Call slow = c.call("ADD");
  slow.process.chunk = 1;
  add_and_del(c, slow, "ADD with the configuration byte by byte");
}

void refuses_what_does_not_decode(Context& c) {
  const std::string text = config_text(c);
  const std::vector<std::string> garbage = {
      "",          text.substr(0, text.size() / 2), "[" + text + "]", "\"x\"",     "17", text + "x",
      text + "{}", "\xef\xbb\xbf" + text,           "// x\n" + text,  "{\"a\":1,}"};
  const Snapshot before = c.snapshot();
  for (const std::string& verb : verbs_with_config(c)) {
    for (const std::string& input : garbage) {
      const std::string shown =
          input.size() > 40 ? input.substr(0, 20) + " ... " + input.substr(input.size() - 10)
                            : input;
      c.expect_error(c.run(c.call(verb).input(input)), verb + " with stdin `" + shown + "`", {6});
    }
  }
  c.expect_unchanged(before, "stdin that does not decode");
}

void minds_no_white_space(Context& c) {
  add_and_del(c, c.call("ADD").input(" \n" + config_text(c) + "\r\n\t \n"),
              "ADD with white space around");
  c.expect_error(c.run(c.call("ADD").input("null")), "ADD with stdin `null`", {7});
}

void reports_unreadable_stdin(Context& c) {
  Call folder = c.call("ADD");
  folder.process.input_path = kScratch;
  c.expect_error(c.run(folder), "ADD with a folder as stdin", {5});
  Call closed = c.call("ADD");
  closed.process.closed = {0};
  c.expect_error(c.run(closed), "ADD with descriptor 0 closed", {5, 6});
}

void takes_last_duplicate(Context& c) {
  add_and_del(c, c.call("ADD").input(with_first(c, R"("name":"a b")")),
              "ADD with `name` twice, the last one good");
}

void matches_keys_exactly(Context& c) {
  Call add = c.call("ADD").without("name").with("Name", "net1");
  c.expect_error(c.run(add), "ADD with `Name` instead of `name`", {7});
}

void survives_hostile_json(Context& c) {
  std::string keys;
  for (int i = 0; i < 1000000; ++i) keys += "\"k" + std::to_string(i) + "\":1,";
  keys.pop_back();
  const std::vector<std::pair<std::string, std::string>> members = {
      {"100000 levels", "\"x\":" + std::string(100000, '[') + std::string(100000, ']')},
      {"100000 open levels", "\"x\":" + std::string(100000, '[')},
      {"100000 levels of objects", "\"x\":" +
                                       [] {
                                         std::string deep;
                                         for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
                                         return deep + "1" + std::string(100000, '}');
                                       }()},
      {"a million keys", keys},
      {"a huge number", "\"x\":1" + std::string(5000, '0') + "e999999"},
      {"a lone surrogate", R"("x":"\ud800")"},
      {"malformed UTF-8", "\"x\":\"\xff\xc3\""},
      {"a NUL", std::string("\"x\":\"\0\"", 7)}};
  for (const auto& [what, member] : members) {
    Call add = c.call("ADD").input(with_first(c, member));
    const Outcome outcome = c.run(add);
    c.expect(outcome.exit_code == 0 || outcome.exit_code == 1, what, "exit 0 or 1",
             describe(outcome));
    if (outcome.exit_code == 1) c.expect_error(outcome, what, {6, 7});
    if (outcome.exit_code == 0) c.run(c.call("DEL"));
    if (c.subject().instrumented) continue;
    c.expect(outcome.cpu < std::chrono::seconds(2), what, "an answer within 2 s",
             std::to_string(outcome.cpu.count()) + " us");
    c.expect(outcome.peak_kib < 100 * 1024, what, "less than 100 MiB",
             std::to_string(outcome.peak_kib) + " KiB");
  }
}

void validates_name(Context& c) {
  const Snapshot before = c.snapshot();
  for (const std::string& verb : verbs_with_config(c)) {
    c.expect_error(c.run(c.call(verb).without("name")), verb + " without name", {7});
    c.expect_error(c.run(c.call(verb).with("name", "")), verb + " with an empty name", {7});
    c.expect_error(c.run(c.call(verb).with("name", nullptr)), verb + " with name null", {7});
    c.expect_error(c.run(c.call(verb).with("name", 1)), verb + " with name 1", {6});
    for (const std::string name : {"a b", "../x", "-a", "x\n", "a/b", ".."}) {
      const std::string what = verb + " with name " + Json(name).dump();
      const Outcome outcome = c.run(c.call(verb).with("name", name));
      if (!c.expect_error(outcome, what, {7})) continue;
      const std::string details = parse_json(outcome.out).value("details", "");
      c.expect(details.find(name) != std::string::npos, what, "the value in details",
               describe(outcome));
    }
  }
  c.expect_unchanged(before, "network names that are refused");
}

void bears_long_name(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  for (const std::size_t length : {200UL, 250UL, 300UL}) {
    const std::string what = "a network name of " + std::to_string(length) + " characters";
    const Call add = c.call("ADD").with("name", std::string(length, 'n'));
    const Outcome outcome = c.run(add);
    Call del = add;
    if (outcome.succeeded()) {
      c.expect_ok(c.run(del.set("CNI_COMMAND", "DEL").with("prevResult", parse_json(outcome.out))),
                  "DEL with " + what);
    } else {
      c.expect_error(outcome, "ADD with " + what, {7});
      c.expect_unchanged(before, "ADD with " + what);
    }
  }
}

void takes_no_version_for_the_first(Context& c) {
  const auto check = [&](Call add, const std::string& what) {
    if (!c.subject().supports("0.1.0")) return (void)c.expect_error(c.run(add), what, {1});
    const Json result = c.add(add);
    if (!result.is_object()) return;
    const bool old = result.value("cniVersion", "") == "0.1.0" && !result.contains("ips") &&
                     !result.contains("interfaces");
    c.expect(old && (result.contains("ip4") || result.contains("ip6")), what,
             "cniVersion 0.1.0 with ip4 or ip6", result.dump());
    c.expect_ok(c.run(add.set("CNI_COMMAND", "DEL")), "DEL with " + what);
  };
  check(c.call("ADD", "0.1.0").without("cniVersion"), "no cniVersion");
  check(c.call("ADD", "0.1.0").with("cniVersion", ""), "an empty cniVersion");
  check(c.call("ADD", "0.1.0").with("cniVersion", nullptr), "cniVersion null");
}

void refuses_version_of_wrong_type(Context& c) {
  for (const std::string& verb : verbs_with_config(c)) {
    c.expect_error(c.run(c.call(verb).with("cniVersion", 1)), verb + " with cniVersion 1", {6});
  }
}

void minds_no_type(Context& c) {
  add_and_del(c, c.call("ADD").with("type", "zzz"), "ADD with type `zzz`");
  add_and_del(c, c.call("ADD").without("type"), "ADD without type");
}

void ignores_foreign_args(Context& c) {
  for (const char* args :
       {R"({"x":[1]})", "null", "{}", R"({"cni":{"labels":[{"key":"a","value":"b"}]}})"}) {
    add_and_del(c, c.call("ADD").with("args", Json::parse(args)),
                "ADD with args " + std::string(args));
  }
}

void honours_args_ips(Context& c) {
  const bool fixed = c.subject().config["ipam"].value("type", "") == "static";
  const std::string wanted = fixed ? "10.1.0.9/16" : "10.88.0.9";
  Call add = c.call("ADD").with("args", {{"cni", {{"ips", {wanted}}}}});
  const Json result = c.add(add.set("CNI_ARGS", fixed ? "IP=10.1.0.8/16" : "IP=10.88.0.8"));
  const std::string seen = join(addresses_of(result));
  c.expect(seen.starts_with(fixed ? "10.1.0.9" : "10.88.0.9"), "args.cni.ips beside CNI_ARGS IP",
           wanted, seen);
}

void tolerates_capabilities(Context& c) {
  add_and_del(c, c.call("ADD").with("capabilities", {{"portMappings", true}, {"x", false}}),
              "ADD with capabilities");
}

void tolerates_runtime_config(Context& c) {
  add_and_del(c, c.call("ADD").without("runtimeConfig"), "ADD without runtimeConfig");
  add_and_del(c, c.call("ADD").with("runtimeConfig", Json::object()), "ADD with runtimeConfig {}");
  add_and_del(c, c.call("ADD").with("runtimeConfig", nullptr), "ADD with runtimeConfig null");
  add_and_del(c, c.call("ADD").with("runtimeConfig", {{"unheard-of", 1}}),
              "ADD with an unknown runtimeConfig member");
  const Outcome outcome = c.run(c.call("ADD").with("runtimeConfig", "x"));
  if (!outcome.succeeded()) c.expect_error(outcome, "ADD with runtimeConfig \"x\"", {6, 7});
}

void ignores_dev_keys(Context& c) {
  add_and_del(c, c.call("ADD").with("cni.dev/foo", 1), "ADD with `cni.dev/foo`");
}

void ignores_unknown_keys(Context& c) {
  const Outcome outcome = c.run(c.call("ADD").with("unheardOf", "of-value"));
  if (outcome.succeeded()) return;
  c.expect_error(outcome, "ADD with an unknown key", {2}, {"unheardOf", "of-value"});
}

void ignores_list_keys(Context& c) {
  Call add = c.call("ADD")
                 .with("cniVersions", {"1.0.0"})
                 .with("disableCheck", true)
                 .with("disableGC", "true");
  add_and_del(c, add.with("loadOnlyInlinedPlugins", false).with("plugins", {{{"type", "x"}}}),
              "ADD with keys of a list");
}

void checks_types_of_known_keys(Context& c) {
  const auto refuse = [&](const std::string& key, const Json& value) {
    c.expect_error(c.run(c.call("ADD").with(key, value)), "ADD with " + key + " " + value.dump(),
                   {6, 7});
  };
  refuse("ipam", "x");
  refuse("ipam", Json::array());
  if (is_bridge(c.subject()) || c.subject().type == "ptp") {
    refuse("ipMasq", "yes");
    refuse("dns", "x");
    refuse("dns", {{"nameservers", "192.0.2.1"}});
  }
}

void refuses_path_in_ipam_type(Context& c) {
  c.delegated("ADD");
  const Snapshot before = c.snapshot();
  for (const char* verb : {"ADD", "DEL"}) {
    c.expect_error(c.run(c.call(verb).with("ipam", {{"type", "../doubles/ipam"}})),
                   std::string(verb) + " with ipam.type `../doubles/ipam`", {7});
  }
  c.expect(c.recorder().calls().empty(), "ipam.type with a path", "nothing executed",
           c.recorder().verbs());
  c.expect_unchanged(before, "ipam.type with a path");
}

void works_without_ipam(Context& c) {
  for (const char* ipam : {"", "{}", R"({"type":""})"}) {
    Call add = c.call("ADD").without("ipam");
    if (*ipam != '\0') add.with("ipam", Json::parse(ipam));
    const std::string what = "ADD with ipam `" + std::string(ipam) + "`";
    const Outcome outcome = c.run(add);
    if (is_bridge(c.subject())) {
      c.expect_ok(outcome, what);
      c.expect(!find_link("eth0", kSandbox).is_null(), what, "eth0 in the sandbox",
               join(link_names(kSandbox)));
    } else if (!outcome.succeeded()) {
      // Code 11: plumbd would supply the addresses, and it has not run here.
      c.expect_error(outcome, what, {7, 11});
    }
    c.run(add.set("CNI_COMMAND", "DEL"));
  }
}

void refuses_mixed_route(Context& c) {
  Call add = c.call("ADD");
  add.config["ipam"]["routes"] = {{{"dst", "10.0.0.0/8"}, {"gw", "fd00::1"}}};
  c.expect_error(c.run(add), "ADD with a route to 10.0.0.0/8 via fd00::1", {7});
}

bool knows_addresses(const Subject& subject) {
  return subject.delegates() || subject.is_ipam();
}

bool gives_requested_addresses(const Subject& subject) {
  return subject.delegates() || (subject.is_ipam() && subject.reads_arguments);
}

}  // namespace

std::vector<Row> input_rows() {
  return {{"S-046", anyone, reads_to_the_end},
          {"S-047", anyone, refuses_what_does_not_decode},
          {"S-048", anyone, minds_no_white_space},
          {"S-049", anyone, reports_unreadable_stdin},
          {"S-050", anyone, takes_last_duplicate},
          {"S-051", anyone, matches_keys_exactly},
          {"S-052", anyone, survives_hostile_json},
          {"S-053", anyone, validates_name},
          {"S-054", anyone, bears_long_name},
          {"S-055", anyone, takes_no_version_for_the_first},
          {"S-056", anyone, refuses_version_of_wrong_type},
          {"S-057", anyone, minds_no_type},
          {"S-058", anyone, ignores_foreign_args},
          {"S-059", gives_requested_addresses, honours_args_ips},
          {"S-060", anyone, tolerates_capabilities},
          {"S-061", anyone, tolerates_runtime_config},
          {"S-062", anyone, ignores_dev_keys},
          {"S-063", anyone, ignores_unknown_keys},
          {"S-064", anyone, ignores_list_keys},
          {"S-065", knows_addresses, checks_types_of_known_keys},
          {"S-066", delegates, refuses_path_in_ipam_type},
          {"S-067", delegates, works_without_ipam},
          {"S-068", knows_addresses, refuses_mixed_route}};
}

}  // namespace conformance
