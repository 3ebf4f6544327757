// SPDX-License-Identifier: Apache-2.0
// A16: the meaning of STATUS.
#include <algorithm>

#include "tools/cnitool/conformance/rows.h"

namespace conformance {
namespace {

Call status(const Context& c) {
  return c.call("STATUS")
      .unset("CNI_CONTAINERID")
      .unset("CNI_NETNS")
      .unset("CNI_IFNAME")
      .without("prevResult")
      .without("runtimeConfig");
}

void is_ready(Context& c) {
  const Outcome outcome = c.run(status(c));
  c.expect(outcome.succeeded() && outcome.out.empty(), "STATUS on a fresh machine",
           "exit 0 and no output", describe(outcome));
}

void says_when_add_cannot_work(Context& c) {
  c.expect_error(c.run(status(c).with("ipam", {{"type", "not-installed"}})),
                 "STATUS with an IPAM plugin that is not there", {50}, {"not-installed"});
  Call invalid = status(c);
  invalid.config["ipam"]["ranges"] = {{{{"subnet", "nonsense"}}}};
  c.expect_error(c.run(invalid), "STATUS with an invalid subnet", {7, 50});
}

void says_when_others_suffer(Context& c) {
  c.add();
  ip_run({"link", "set", "cnibr0", "down"}, "");
  c.expect_error(c.run(status(c)), "STATUS with the bridge of attachments down", {51});
  ip_run({"link", "del", "cnibr0"}, "");
  c.expect_error(c.run(status(c)), "STATUS with the bridge of attachments gone", {51});
}

void says_when_the_pool_is_full(Context& c) {
  const auto small = [&](Call call) {
    call.config["ipam"]["ranges"] = Json::parse(R"([[{"subnet":"10.99.0.0/30"}]])");
    return call;
  };
  c.expect_ok(c.run(small(status(c))), "STATUS with an empty pool");
  const Json result = c.add(small(c.call("ADD")));
  // A gateway takes one of the two; without one the second must be used up too.
  c.run(small(c.call("ADD").set("CNI_CONTAINERID", "c2").set("CNI_IFNAME", "eth1")));
  c.expect_error(c.run(small(status(c))), "STATUS with a full pool", {50});
  c.run(small(c.call("DEL").with("prevResult", result)));
  c.run(small(c.call("DEL").set("CNI_CONTAINERID", "c2").set("CNI_IFNAME", "eth1")));
  c.expect_ok(c.run(small(status(c))), "STATUS after DEL");
}

void runs_the_delegate(Context& c) {
  c.expect_ok(c.run(c.delegated("STATUS")), "STATUS with a good delegate");
  c.recorder().play("ipam", "STATUS.exit", "1");
  c.recorder().play("ipam", "STATUS.stdout",
                    R"({"cniVersion":"1.1.0","code":50,"msg":"delegate says no"})");
  c.expect_error(c.run(c.delegated("STATUS")), "STATUS with a failing delegate", {50},
                 {"delegate says no"});
  c.expect(c.recorder().verbs() == "STATUS STATUS", "calls of the delegate", "STATUS STATUS",
           c.recorder().verbs());
}

void changes_nothing(Context& c) {
  const Snapshot before = c.snapshot();
  c.expect_ok(c.run(status(c)), "STATUS");
  if (c.subject().delegates()) c.run(status(c).with("ipam", {{"type", "not-installed"}}));
  c.expect_unchanged(before, "STATUS");
  c.add();
}

void reads_no_arguments(Context& c) {
  c.expect_ok(c.run(status(c).set("CNI_ARGS", "nonsense;K8S_POD_NAME=")),
              "STATUS with CNI_ARGS `nonsense;K8S_POD_NAME=`");
  c.expect_ok(c.run(status(c).set("CNI_ARGS", "")), "STATUS with CNI_ARGS empty");
}

void is_quick(Context& c) {
  std::chrono::microseconds best = std::chrono::hours(1);
  for (int i = 0; i < 5; ++i) best = std::min(best, c.run(status(c)).cpu);
  c.expect(c.subject().instrumented || best < std::chrono::milliseconds(100), "STATUS",
           "less than 100 ms", std::to_string(best.count()) + " us");
}

bool asks_a_delegate(const Subject& subject) {
  return has_gc(subject) && subject.delegates();
}

bool has_a_pool(const Subject& subject) {
  return has_gc(subject) &&
         subject.config.value(Json::json_pointer("/ipam/type"), "") == "host-local";
}

bool is_modern_bridge(const Subject& subject) {
  return has_gc(subject) && is_bridge(subject);
}

}  // namespace

std::vector<Row> status_rows() {
  return {{"S-205", has_gc, is_ready},
          {"S-206", asks_a_delegate, says_when_add_cannot_work},
          {"S-207", is_modern_bridge, says_when_others_suffer},
          {"S-208", has_a_pool, says_when_the_pool_is_full},
          {"S-209", asks_a_delegate, runs_the_delegate},
          {"S-210", has_gc, changes_nothing},
          {"S-211", has_gc, reads_no_arguments},
          {"S-212", has_gc, is_quick},
          {"S-213", has_gc, is_ready}};
}

}  // namespace conformance
