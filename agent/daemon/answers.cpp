// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/answers.h"

#include <algorithm>

#include "agent/daemon/explain.h"
#include "libcni/fabric/shadows.h"
#include "libcni/json/object.h"

namespace agent {
namespace {

constexpr const char* kJson = "application/json";
/// Prometheus' text format, version 0.0.4.
constexpr const char* kMetrics = "text/plain; version=0.0.4; charset=utf-8";

HttpReply refuse(unsigned status, const std::string& text) {
  return {.status = status, .body = text + "\n"};
}

/// The least time between two looks at chains of other programs, to answer questions.
constexpr std::chrono::seconds kLookForDrops(1);
/// The same for routes of other programs; only for questions of people, not for probes and metrics.
constexpr std::chrono::milliseconds kLookForShadows(200);

/// Finds routes of other programs that take precedence over the planned ones.
HttpReply answer_diff(net::Netlink& netlink, const fabric::Desired& kernel) {
  const fabric::Report report = fabric::diff(netlink, kernel);
  const auto shadows = fabric::texts_of(fabric::find_shadows(netlink, kernel));
  return {.body = print_diff(report, shadows), .type = kJson};
}

}  // namespace

Health Answers::health() {
  parts_.obstacles.look_for_drops(kLookForDrops);
  const Planner& planner = parts_.planner;
  const bird::Speaker& speaker = parts_.speaker;
  const ForwardDrops& drops = parts_.obstacles.forward_drops();
  const RouteShadows& shadows = parts_.obstacles.route_shadows();
  const State& state = planner.state();
  const std::string& held_back = planner.valve().problem();
  const std::string& uncounted = planner.former().problem();
  Facts facts{
      .drivers = parts_.reconciler.status(),
      .kernel_read = parts_.kernel.has_read(),
      .files_valid = parts_.files.valid(),
      .has_range = !planner.plan() || state.self.ranges.size() != state.former.size(),
      .source = parts_.source.status(),
      .stale = state.stale,
      .list_problems = planner.problems(),
      .held_back = held_back,
      .uncounted = uncounted,
      .bgp = speaker.needed() ? std::optional(speaker.status()) : std::nullopt,
      .bgp_problems = speaker.problems(),
      .forward_drops = drops.texts(),
      .forward_unread = drops.problem(),
      .bridged_services = parts_.bridged_services.problems(),
      .old_wiring = parts_.obstacles.old_wiring().problem(),
      .route_shadows = shadows.texts(),
      .routes_unread = shadows.problem(),
      .listeners = parts_.listeners.all(),
      .cache = parts_.cache.problem(),
  };
  std::erase_if(facts.list_problems,
                [&](const std::string& line) { return line == held_back || line == uncounted; });
  return Health(facts);
}

View Answers::view() {
  return {parts_, health(),
          std::chrono::duration_cast<std::chrono::seconds>(Loop::Clock::now() - started_)};
}

HttpReply Answers::to_anyone(const HttpQuestion& question) {
  // The loop itself answers: if it hangs, the client runs into its timeout.
  if (question.path == "/healthz") return {.body = "ok\n"};
  if (question.path == "/readyz") return readiness(health());
  if (question.path == "/metrics") return {.body = print_metrics(view()), .type = kMetrics};
  return refuse(404, "unknown path: use /healthz, /readyz or /metrics");
}

HttpReply Answers::to_command(const HttpQuestion& question) {
  const std::string& path = question.path;
  if (path == "/status") parts_.obstacles.look_for_shadows(kLookForShadows);
  if (path == "/status") return {.body = print_status(view()), .type = kJson};
  if (path == "/nodes") return {.body = print_nodes(view()), .type = kJson};
  if (path != "/plan" && path != "/diff" && path != "/resync" && path != "/explain")
    return to_anyone(question);
  if (!parts_.planner.plan()) return refuse(503, "plumbd has no plan yet; see plumbd status");
  if (path == "/plan") return {.body = print_plan(*parts_.planner.plan()), .type = kJson};
  if (path == "/diff") return answer_diff(parts_.netlink, parts_.planner.plan()->kernel);
  if (path == "/explain") return explain_addresses(question);
  if (question.method != "POST") return refuse(405, "this path must be requested with POST");
  parts_.reconciler.run_now();
  parts_.obstacles.look_for_shadows(kLookForShadows);
  return {.body = print_status(view()), .type = kJson};
}

HttpReply Answers::explain_addresses(const HttpQuestion& question) {
  std::vector<base::IpAddress> addresses;
  for (const std::string& text : question.addresses) {
    const auto address = base::IpAddress::parse(text);
    if (!address) return refuse(400, json::quote(text) + " is not an IP address");
    addresses.push_back(*address);
  }
  const Explanation answer =
      explain(addresses, *parts_.planner.plan(), parts_.planner.state(), parts_.netlink);
  return {.body = print_explanation(answer), .type = kJson};
}

}  // namespace agent
