// SPDX-License-Identifier: Apache-2.0
// A2 and A3: container IDs and interface names.
#include <algorithm>
#include <filesystem>

#include "tools/cnitool/conformance/attachment_calls.h"
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

const std::vector<std::string> kGoodIds = {
    "a", "0", "A_.-9", "a.", "a..b", "a-", std::string(64, 'f'), std::string(128, 'x')};
const std::vector<std::string> kBadIds = {"-a",  "_a",  ".a",  ".",        "..",  "a b", "a/b",
                                          "a:b", "a\n", "a;b", "\xc3\xa9", "a%b", " a",  "a "};

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

void accepts_ids(Context& c) {
  for (const std::string& id : kGoodIds) {
    const Json result = c.add(c.call("ADD").set("CNI_CONTAINERID", id));
    c.expect_ok(c.run(c.call("DEL").set("CNI_CONTAINERID", id).with("prevResult", result)),
                "DEL of container " + id);
  }
}

void refuses_ids(Context& c) {
  const Snapshot before = c.snapshot();
  for (const std::string& id : kBadIds) {
    for (const char* verb : {"ADD", "CHECK", "DEL"}) {
      const Outcome outcome = c.run(c.call(verb).set("CNI_CONTAINERID", id));
      const std::string what = std::string(verb) + " of container " + quoted(id);
      if (!c.expect_error(outcome, what, {4}, {"CNI_CONTAINERID"})) continue;
      const std::string details = parse_json(outcome.out).value("details", "");
      c.expect(details.find(id) != std::string::npos, what, "the value in details",
               describe(outcome));
    }
  }
  c.expect_unchanged(before, "container IDs that are refused");
}

void accepts_long_id(Context& c) {
  c.warm_up();
  const Snapshot before = c.snapshot();
  const std::string id(300, 'a');
  const Json result = c.add(c.call("ADD").set("CNI_CONTAINERID", id));
  c.expect_ok(c.run(c.call("DEL").set("CNI_CONTAINERID", id).with("prevResult", result)), "DEL");
  c.expect(reservations("net1").empty(), "DEL of a 300 character ID", "no reservation",
           join(reservations("net1")));
  c.expect(c.snapshot().find(id).empty(), "DEL of a 300 character ID", "no state",
           "state that names it");
}

/// The attachments that were made, with the input of their CHECK and DEL.
struct Made {
  Call call;
  Json result;
};

Outcome again(Context& c, const Made& made, const std::string& verb) {
  Call call = made.call;
  return c.run(call.set("CNI_COMMAND", verb).with("prevResult", made.result));
}

/// ADDs all, DELs the first, CHECKs the rest.
void remain_apart(Context& c, const std::vector<Call>& calls) {
  std::vector<Made> made;
  for (const Call& call : calls) made.push_back({call, c.add(call)});
  c.expect_ok(again(c, made[0], "DEL"), "DEL of the first attachment");
  for (std::size_t i = 1; i < made.size(); ++i) {
    const std::string what = "CHECK of attachment " + made[i].call.config.value("name", "") + "/" +
                             made[i].call.environment["CNI_CONTAINERID"] + "/" +
                             made[i].call.environment["CNI_IFNAME"] + " after DEL of another";
    c.expect_ok(again(c, made[i], "CHECK"), what);
  }
}

void keeps_state_apart(Context& c) {
  const Call add = without_routes(c.call("ADD"));
  const std::string first = c.subject().ifname;
  const Call second = on_network(for_attachment(add, "c1", "eth1"), 2);
  const Call third = on_network(for_attachment(add, "c1", "eth2"), 1);
  remain_apart(c, {on_network(for_attachment(add, "c1", first), 1), second, third});
}

void keeps_similar_ids_apart(Context& c) {
  std::vector<Call> calls;
  int number = 0;
  for (const char* id : {"c1", "C1", "c1-x", "x-c1", "c11"}) {
    Call call = for_attachment(without_routes(c.call("ADD")), id, "eth" + std::to_string(number));
    const Json::json_pointer port("/runtimeConfig/portMappings/0/hostPort");
    if (call.config.contains(port)) call.config[port] = 8080 + number;
    calls.push_back(call);
    ++number;
  }
  remain_apart(c, calls);
}

void names_the_interface(Context& c) {
  for (const char* name : {"eth0", "net1", "a-very-long-nam"}) {
    const Json result = c.add(c.call("ADD").set("CNI_IFNAME", name));
    c.expect(!find_link(name, kSandbox).is_null(), "ADD of interface " + std::string(name),
             "that link in the sandbox", join(link_names(kSandbox)));
    c.expect_ok(c.run(c.call("DEL").set("CNI_IFNAME", name).with("prevResult", result)), "DEL");
  }
}

void refuse_names(Context& c, const std::vector<std::string>& names) {
  const Snapshot before = c.snapshot();
  for (const std::string& name : names) {
    for (const char* verb : {"ADD", "CHECK", "DEL"}) {
      c.expect_error(c.run(c.call(verb).set("CNI_IFNAME", name)),
                     std::string(verb) + " of interface " + quoted(name), {4}, {"CNI_IFNAME"});
    }
  }
  c.expect_unchanged(before, "interface names that are refused");
}

void bounds_name_length(Context& c) {
  const std::string eight_accents =
      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";
  refuse_names(c, {std::string(16, 'a'), eight_accents});
  c.add(c.call("ADD").set("CNI_IFNAME", std::string(15, 'a')));
}

void refuses_dots(Context& c) {
  refuse_names(c, {".", ".."});
  c.add(c.call("ADD").set("CNI_IFNAME", "..."));
}

void refuses_separators(Context& c) {
  refuse_names(c, {"a/b", "a:b", "a b", "a\tb", "a\nb", "a\vb", "a\fb", "a\rb", "a\xc2\x85",
                   "a\xc2\xa0", "a\xe1\x9a\x80", "a\xe2\x80\x80", "a\xe2\x80\x8a", "a\xe2\x80\xa8",
                   "a\xe2\x80\xa9", "a\xe2\x80\xaf", "a\xe2\x81\x9f", "a\xe3\x80\x80"});
}

void refuses_templates(Context& c) {
  refuse_names(c, {"eth%d", "a%b", "a\x01z", "a\x7f", "\xff", "a\xc3"});
}

void refuses_existing_name(Context& c) {
  c.warm_up();
  if (!make_link_there("eth0", kSandbox)) return c.skip("needs the ip tool and veth links");
  const Snapshot before = c.snapshot();
  const std::vector<std::string> reserved = reservations("net1");
  c.expect_error(c.run(c.call("ADD")), "ADD with an interface of that name in the sandbox", {},
                 {"eth0"});
  c.expect(reservations("net1") == reserved, "the failed ADD", "no address reserved",
           join(reservations("net1")));
  c.expect_unchanged(before, "the failed ADD");
}

void refuses_lo(Context& c) {
  const Snapshot before = c.snapshot();
  c.expect_error(c.run(c.call("ADD").set("CNI_IFNAME", "lo")), "ADD of interface lo", {});
  c.expect(!find_link("lo", kSandbox).is_null(), "ADD of interface lo", "lo is still there",
           "no lo");
  c.expect(before.find("sandbox") == c.snapshot().find("sandbox"), "ADD of interface lo",
           "the sandbox unchanged", before.difference(c.snapshot()));
}

void ignores_names_on_gc(Context& c) {
  for (const char* verb : {"GC", "STATUS"}) {
    c.expect_ok(c.run(c.call(verb)
                          .set("CNI_IFNAME", "a/b")
                          .set("CNI_CONTAINERID", "a b")
                          .set("CNI_NETNS", "dummy")),
                verb);
  }
}

bool keeps_attachments_apart(const Subject& subject) {
  return subject.ifname != "lo";
}

bool names_freely(const Subject& subject) {
  return subject.ifname != "lo";
}

}  // namespace

std::vector<Row> name_rows() {
  return {{"S-023", anyone, accepts_ids},
          {"S-024", anyone, refuses_ids},
          {"S-025", anyone, accepts_long_id},
          {"S-026", keeps_attachments_apart, keeps_state_apart},
          {"S-027", keeps_attachments_apart, keeps_similar_ids_apart},
          {"S-028", makes_link, names_the_interface},
          {"S-029", names_freely, bounds_name_length},
          {"S-030", names_freely, refuses_dots},
          {"S-031", anyone, refuses_separators},
          {"S-032", anyone, refuses_templates},
          {"S-033", makes_link, refuses_existing_name},
          {"S-034", makes_link, refuses_lo},
          {"S-035", has_gc, ignores_names_on_gc}};
}

}  // namespace conformance
