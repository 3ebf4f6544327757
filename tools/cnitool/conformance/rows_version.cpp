// SPDX-License-Identifier: Apache-2.0
// A6 and A7: agreement on versions, and VERSION.
#include <algorithm>
#include <map>

#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

Outcome run_at(Context& c, const std::string& verb, const std::string& version) {
  return c.run(c.call(verb).with("cniVersion", version));
}

void refuses_unsupported_versions(Context& c) {
  const Snapshot before = c.snapshot();
  for (const std::string version : {"9.9.9", "1.0", "1.0.5", "v1.0.0", "1.0.0-rc1", "abc"}) {
    for (const char* verb : {"ADD", "DEL"}) {
      const Outcome outcome = run_at(c, verb, version);
      const std::string what = std::string(verb) + " at version `" + version + "`";
      if (!c.expect_error(outcome, what, {1}, {version, c.subject().versions.front()})) continue;
      const Json error = parse_json(outcome.out);
      c.expect(error.value("msg", "") == "incompatible CNI versions", what,
               "msg `incompatible CNI versions`", describe(outcome));
    }
  }
  c.expect_unchanged(before, "unsupported versions");
}

void refuses_check_of_old_versions(Context& c) {
  c.expect_error(run_at(c, "CHECK", "0.3.1"), "CHECK at 0.3.1", {1}, {"CHECK"});
  c.expect_error(c.run(c.call("CHECK", "0.1.0").without("cniVersion")), "CHECK without cniVersion",
                 {1}, {"CHECK"});
}

void refuses_gc_of_old_versions(Context& c) {
  for (const char* verb : {"GC", "STATUS"}) {
    for (const char* version : {"1.0.0", ""}) {
      c.expect_error(run_at(c, verb, version), std::string(verb) + " at version `" + version + "`",
                     {1}, {verb});
    }
    c.expect_error(c.run(c.call(verb).without("cniVersion")),
                   std::string(verb) + " without cniVersion", {1}, {verb});
  }
}

void refuses_unparseable_versions(Context& c) {
  for (const char* verb : {"ADD", "DEL"}) {
    c.expect_error(run_at(c, verb, "zz"), std::string(verb) + " at version `zz`", {1});
  }
  std::vector<std::string> numeric = {"CHECK"};
  if (has_gc(c.subject())) numeric.insert(numeric.end(), {"GC", "STATUS"});
  for (const std::string& verb : numeric)
    c.expect_error(run_at(c, verb, "zz"), verb + " at version `zz`", {6});
}

void refuses_newer_versions(Context& c) {
  std::vector<std::string> verbs = {"CHECK"};
  if (has_gc(c.subject())) verbs.insert(verbs.end(), {"GC", "STATUS"});
  for (const std::string& verb : verbs)
    c.expect_error(run_at(c, verb, "1.2.0"), verb + " at version 1.2.0", {1});
}

/// The oldest version of plugins that do not support all versions.
std::string oldest_version_of(const std::string& type) {
  const std::map<std::string, std::string> others = {
      {"bandwidth", "0.3.0"}, {"vrf", "0.3.1"}, {"firewall", "0.4.0"}};
  const auto found = others.find(type);
  return found == others.end() ? "0.1.0" : found->second;
}

void advertises_its_versions(Context& c) {
  std::vector<std::string> wanted = all_versions();
  wanted.erase(wanted.begin(),
               std::find(wanted.begin(), wanted.end(), oldest_version_of(c.subject().type)));
  c.expect(c.subject().versions == wanted, "VERSION", join(wanted), join(c.subject().versions));
}

void answers_in_request_version(Context& c) {
  for (const std::string& version : c.subject().versions) {
    const Json result = c.add(c.call("ADD", version));
    const std::string seen =
        result.is_object() ? result.value("cniVersion", "(none)") : "(no result)";
    c.expect(seen == version, "cniVersion of an ADD at " + version, version, seen);
    c.expect_ok(c.run(c.call("DEL", version).with("prevResult", result)), "DEL at " + version);
  }
}

void takes_newer_keys_at_older_version(Context& c) {
  Call add = c.call("ADD", "1.0.0").with("cniVersions", {"1.0.0", "1.1.0"}).with("disableGC", true);
  if (c.subject().is_chained()) add.config["prevResult"]["interfaces"][0]["mtu"] = 1400;
  const Json result = c.add(add);
  if (!result.is_object() || !c.subject().is_chained()) return;
  c.expect(result[Json::json_pointer("/interfaces/0")].value("mtu", 0) == 1400,
           "prevResult with mtu at 1.0.0", "mtu kept", result.dump());
}

void refuses_what_old_versions_cannot_say(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  c.expect_error(c.run(c.call("ADD", "0.2.0").without("ipam")), "ADD without addresses at 0.2.0",
                 {7});
  c.expect_unchanged(before, "ADD without addresses at 0.2.0");
}

Outcome ask_version(Context& c, const std::string& input) {
  return c.run(c.call("VERSION").input(input));
}

void prints_versions(Context& c) {
  const Outcome outcome = ask_version(c, R"({"cniVersion":"1.0.0"})");
  const Json reply = parse_json(outcome.out);
  const bool complete = reply.is_object() && reply.contains("cniVersion") &&
                        reply["cniVersion"].is_string() && reply.contains("supportedVersions") &&
                        reply["supportedVersions"].is_array() &&
                        !reply["supportedVersions"].empty();
  c.expect(outcome.succeeded() && complete, "VERSION", "cniVersion and a list of supportedVersions",
           describe(outcome));
}

void answers_newest(Context& c) {
  const Outcome outcome = ask_version(c, R"({"cniVersion":"0.4.0"})");
  const Json reply = parse_json(outcome.out);
  const std::string seen = reply.is_object() ? reply.value("cniVersion", "") : "";
  c.expect(seen == c.subject().newest, "VERSION asked at 0.4.0", c.subject().newest, seen);
}

void version_minds_no_stdin(Context& c) {
  c.expect_ok(ask_version(c, "garbage"), "VERSION with garbage on stdin");
  c.expect_ok(ask_version(c, ""), "VERSION with empty stdin");
  c.expect_ok(ask_version(c, R"({"cniVersion":"9.9.9"})"), "VERSION asked at 9.9.9");
  Call call = c.call("VERSION");
  call.process.hold_input = true;
  call.process.timeout = std::chrono::seconds(5);
  const Outcome outcome = c.run(call);
  c.expect(outcome.succeeded() && outcome.took < std::chrono::seconds(1),
           "VERSION with a silent pipe as stdin", "an answer within 1 s", describe(outcome));
}

void lists_supported_versions(Context& c) {
  const Outcome outcome = ask_version(c, "");
  c.expect(parse_json(outcome.out).contains("supportedVersions"), "VERSION", "supportedVersions",
           describe(outcome));
}

void lists_versions_in_order(Context& c) {
  std::vector<std::string> wanted;
  for (const std::string& version : all_versions()) {
    if (c.subject().supports(version)) wanted.push_back(version);
  }
  c.expect(c.subject().versions == wanted, "supportedVersions",
           "ascending, without duplicates: " + join(wanted), join(c.subject().versions));
  const bool gap = c.subject().supports("0.2.0") && !c.subject().supports("0.3.0");
  c.expect(!gap, "supportedVersions", "0.3.0 among them", join(c.subject().versions));
}

bool knows_its_versions(const Subject& subject) {
  static const std::vector<std::string> known = {
      "bridge",   "ptp",   "macvlan",    "ipvlan",    "vlan", "host-device",
      "loopback", "dummy", "tap",        "static",    "dhcp", "tuning",
      "portmap",  "sbr",   "host-local", "bandwidth", "vrf",  "firewall"};
  return std::find(known.begin(), known.end(), subject.type) != known.end();
}

bool has_check(const Subject& subject) {
  return subject.supports("0.4.0");
}

bool has_old_shape(const Subject& subject) {
  return subject.type == "bridge" && subject.supports("0.2.0");
}

bool has_1_0(const Subject& subject) {
  return subject.supports("1.0.0");
}

}  // namespace

std::vector<Row> version_rows() {
  return {{"S-069", anyone, refuses_unsupported_versions},
          {"S-070", has_check, refuses_check_of_old_versions},
          {"S-071", has_gc, refuses_gc_of_old_versions},
          {"S-072", has_check, refuses_unparseable_versions},
          {"S-073", has_check, refuses_newer_versions},
          {"S-074", knows_its_versions, advertises_its_versions},
          {"S-075", anyone, answers_in_request_version},
          {"S-076", has_1_0, takes_newer_keys_at_older_version},
          {"S-077", has_old_shape, refuses_what_old_versions_cannot_say},
          {"S-078", anyone, prints_versions},
          {"S-079", anyone, answers_newest},
          {"S-080", anyone, version_minds_no_stdin},
          {"S-081", anyone, lists_supported_versions},
          {"S-082", anyone, lists_versions_in_order}};
}

}  // namespace conformance
