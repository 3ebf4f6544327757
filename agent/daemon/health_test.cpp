// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/health.h"

#include <functional>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/json/object.h"

namespace agent {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Facts with room for what they refer to.
struct Scene {
  std::vector<DriverStatus> drivers = {{.name = "plan", .done_once = true},
                                       {.name = "publish", .done_once = true},
                                       {.name = "kernel", .done_once = true},
                                       {.name = "files", .done_once = true},
                                       {.name = "bird"}};
  Facts facts = {};
  DriverStatus& driver(std::string_view name) {
    return *std::ranges::find(drivers, name, &DriverStatus::name);
  }
  Health health() {
    facts.drivers = drivers;
    return Health(facts);
  }
};

using Raise = std::function<void(Scene&)>;

Raise fail(std::string driver) {
  return [driver](Scene& s) { s.driver(driver).problem = "refused"; };
}

/// How each condition comes about.
const std::map<std::string_view, Raise>& causes() {
  static const std::map<std::string_view, Raise> all = {
      {"starting", [](Scene& s) { s.driver("kernel").done_once = false; }},
      {"plan-failing", fail("plan")},  // P18
      {"files-damaged", [](Scene& s) { s.facts.files_valid = false; }},
      {"no-pod-range", [](Scene& s) { s.facts.has_range = false; }},
      {"kernel-unreadable",
       [](Scene& s) {
         s.facts.kernel_read = false;
         s.driver("kernel").problem = "list routes: no buffer";
       }},
      {"forward-chains-unreadable", [](Scene& s) { s.facts.forward_unread = "EPERM"; }},
      {"kernel-failing", fail("kernel")},
      {"forward-dropped", [](Scene& s) { s.facts.forward_drops = {"chain \"theirs\""}; }},
      {"bridged-services",  // K4
       [](Scene& s) { s.facts.bridged_services = {"bridge \"cni0\""}; }},
      {"pods-to-recreate", [](Scene& s) { s.facts.old_wiring = "1 pod"; }},  // K5
      {"files-failing", fail("files")},
      {"publish-failing", fail("publish")},
      {"source-lost",
       [](Scene& s) { s.facts.source = {.in_sync = false, .state = "the file is gone"}; }},
      {"stale", [](Scene& s) { s.facts.stale = true; }},
      {"routes-unreadable", [](Scene& s) { s.facts.routes_unread = "list routes: I/O error"; }},
      {"route-shadowed", [](Scene& s) { s.facts.route_shadows = {"route 10.244.2.0/26"}; }},
      {"list-held-back", [](Scene& s) { s.facts.held_back = "2 of 2 nodes"; }},
      {"list-problems", [](Scene& s) { s.facts.list_problems = {"node \"n4\" is left out"}; }},
      {"pods-uncounted", [](Scene& s) { s.facts.uncounted = "no folder"; }},
      {"bird-failing", fail("bird")},
      {"bgp-session-down",
       [](Scene& s) {
         s.facts.bgp = bird::Status{
             .running = true,
             .peers = {{.peer = "n2", .state = "Active"}, {.peer = "n3", .state = "Established"}}};
       }},
      {"bgp-problems", [](Scene& s) { s.facts.bgp_problems = {"no way to n3"}; }},
      {"not-listening",
       [](Scene& s) {
         s.facts.listeners = {{"listen", "port in use"}};
       }},
      {"cache-failing", [](Scene& s) { s.facts.cache = "no space left"; }},
  };
  return all;
}

json::Object status_of(const Health& health) {
  json::Writer out;
  out.open('{');
  print_health(out, health);
  out.close();
  return json::Object::parse(out.text(), "status");
}

std::string metrics_of(const Health& health) {
  MetricsText out;
  add_health(out, health);
  return out.text();
}

/// The four outputs say that of `condition` alone something is wrong.
void expect_same_everywhere(const Condition& condition, const Health& health) {
  const std::string word(word_of(condition.severity));
  const std::string name(condition.name);
  // plumbd status: its exit code is that of the word.
  const json::Object status = status_of(health);
  EXPECT_EQ(status.get_string("health"), word);
  EXPECT_EQ(exit_of(severity_of(status.get_string("health"))), exit_of(condition.severity));
  const auto reported = status.find_objects("conditions").value();
  ASSERT_EQ(reported.size(), 1u);
  EXPECT_EQ(reported[0].get_string("name"), name);
  EXPECT_EQ(reported[0].get_string("severity"), word);
  const auto lines = reported[0].find_strings("lines").value();
  EXPECT_EQ(status.find_strings("problems").value(), lines);
  ASSERT_FALSE(lines.empty());
  // /readyz
  const HttpReply reply = readiness(health);
  EXPECT_EQ(reply.status, condition.severity == Severity::degraded ? 200u : 503u);
  EXPECT_EQ(reply.status == 200, status.get_bool("ready"));
  EXPECT_THAT(reply.body, HasSubstr(word + ": " + name + ": " + lines[0]));
  // /metrics
  const std::string metrics = metrics_of(health);
  EXPECT_THAT(metrics,
              HasSubstr("plumb_ready " + std::string(status.get_bool("ready") ? "1" : "0")));
  EXPECT_THAT(metrics, HasSubstr("plumb_health " + std::to_string(exit_of(condition.severity))));
  for (const Condition& each : all_conditions())
    EXPECT_THAT(metrics, HasSubstr("plumb_condition{condition=\"" + std::string(each.name) +
                                   "\",severity=\"" + std::string(word_of(each.severity)) + "\"} " +
                                   (each.name == condition.name ? "1\n" : "0\n")));
}

// U3, P18: status, exit code, readiness and metrics come from one value.
TEST(Health, IsTheSameInAllOutputsForEachCondition) {
  for (const Condition& condition : all_conditions()) {
    SCOPED_TRACE(condition.name);
    const auto cause = causes().find(condition.name);
    ASSERT_NE(cause, causes().end()) << "a condition that this test does not know";
    Scene scene;
    cause->second(scene);
    expect_same_everywhere(condition, scene.health());
  }
  EXPECT_EQ(causes().size(), all_conditions().size());
}

TEST(Health, NamesEachConditionOnceAndLeavesUsageItsExitCode) {
  std::set<std::string_view> names;
  for (const Condition& condition : all_conditions()) {
    EXPECT_TRUE(names.insert(condition.name).second) << condition.name;
    EXPECT_NE(exit_of(condition.severity), 0) << condition.name;
    EXPECT_NE(exit_of(condition.severity), 2) << condition.name;
  }
}

TEST(Health, IsHealthyWithoutConditions) {
  Scene scene;
  const Health health = scene.health();
  EXPECT_EQ(status_of(health).get_string("health"), "healthy");
  EXPECT_EQ(exit_of(health.severity()), 0);
  EXPECT_EQ(readiness(health).status, 200u);
  EXPECT_EQ(readiness(health).body, "ok\n");
  EXPECT_THAT(metrics_of(health), Not(HasSubstr("} 1\n")));
}

TEST(Health, IsThatOfTheWorstCondition) {
  Scene scene;
  Severity worst = Severity::healthy;
  for (const char* name : {"stale", "forward-chains-unreadable", "plan-failing", "cache-failing"}) {
    causes().at(name)(scene);
    for (const Condition& each : all_conditions())
      if (each.name == name) worst = std::max(worst, each.severity);
    EXPECT_EQ(scene.health().severity(), worst) << name;
  }
  EXPECT_EQ(scene.health().found().size(), 4u);
}

TEST(Health, IsCannotTellForAnUnknownWord) {
  EXPECT_EQ(severity_of("splendid"), Severity::cannot_tell);
  EXPECT_EQ(severity_of(""), Severity::cannot_tell);
}

TEST(Health, QuotesTextOfPeers) {
  Scene scene;
  scene.facts.bgp = bird::Status{.running = true,
                                 .peers = {{.peer = "n\x1b[2J", .state = "Idle", .error = "a\nb"}}};
  const std::string line = scene.health().lines().at(0);
  EXPECT_EQ(line.find('\n'), line.npos);
  EXPECT_EQ(line.find('\x1b'), line.npos);
}

}  // namespace
}  // namespace agent
