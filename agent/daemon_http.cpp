// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "agent/daemon.h"
#include "agent/explain.h"
#include "agent/log.h"
#include "libcni/base/file.h"
#include "libcni/fabric/shadows.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kListenAgain(10);
constexpr const char* kSocket = "/plumbd.sock";
constexpr const char* kJson = "application/json";
/// Prometheus' text format, version 0.0.4.
constexpr const char* kMetrics = "text/plain; version=0.0.4; charset=utf-8";

HttpReply refuse(unsigned status, const std::string& text) {
  return {.status = status, .body = text + "\n"};
}

/// Chains of other programs are looked for anew at most this often for questions.
constexpr std::chrono::seconds kLookForDrops(1);
/// Routes of other programs, too, for questions of people: not for probes and metrics.
constexpr std::chrono::milliseconds kLookForShadows(200);

/// Where routes of other programs go before the planned ones.
HttpReply answer_diff(net::Netlink& netlink, const fabric::Desired& kernel) {
  const fabric::Report report = fabric::diff(netlink, kernel);
  const auto shadows = fabric::texts_of(fabric::find_shadows(netlink, kernel));
  return {.body = print_diff(report, shadows), .type = kJson};
}

}  // namespace

void Daemon::listen_to_commands() {
  control_ = std::make_unique<HttpServer>(loop_, listen_unix(config_.run_dir + kSocket),
                                          [this](const HttpQuestion& q) { return answer(q); });
}

void Daemon::listen_again() {
  std::error_code unknown;
  if (control_ && std::filesystem::is_socket(config_.run_dir + kSocket, unknown)) return;
  control_.reset();
  try {
    base::ensure_directory(config_.run_dir, 0755);
    listen_to_commands();
    conditions_.set("commands", {});
    log(LogLevel::warning, "made " + config_.run_dir + kSocket + " again: somebody had removed it");
  } catch (const std::system_error& error) {
    conditions_.set("commands", error.what());
  }
}

void Daemon::listen() {
  if (config_.listen.empty() || health_) return;
  try {
    health_ =
        std::make_unique<HttpServer>(loop_, listen_tcp(config_.listen),
                                     [this](const HttpQuestion& q) { return answer_anyone(q); });
    conditions_.set("listen", {});
  } catch (const std::system_error& error) {
    conditions_.set("listen", error.what());
    loop_.after(kListenAgain, [this] { listen(); });
  }
}

Facts Daemon::facts() {
  look_for_drops(kLookForDrops);
  const State& state = planning_.state();
  const std::string& held_back = planning_.valve().problem();
  const std::string& uncounted = planning_.former().problem();
  Facts facts{
      .drivers = reconciler_.status(),
      .kernel_read = kernel_read_,
      .files_valid = files_.valid(),
      .has_range = !planning_.plan() || state.self.ranges.size() != state.former.size(),
      .source = source_->status(),
      .stale = state.stale,
      .list_problems = planning_.problems(),
      .held_back = held_back,
      .uncounted = uncounted,
      .bgp = speaker_.needed() ? std::optional(speaker_.status()) : std::nullopt,
      .bgp_problems = speaker_.problems(),
      .forward_drops = forward_drops_.texts(),
      .forward_unread = forward_drops_.problem(),
      .bridged_services = bridged_services_.problems(),
      .old_wiring = old_wiring_.problem(),
      .route_shadows = route_shadows_.texts(),
      .routes_unread = route_shadows_.problem(),
      .listeners = conditions_.all(),
      .cache = cache_.problem(),
  };
  std::erase_if(facts.list_problems,
                [&](const std::string& line) { return line == held_back || line == uncounted; });
  return facts;
}

View Daemon::view() {
  return {
      .config = config_,
      .planning = planning_,
      .reconciler = reconciler_,
      .source = *source_,
      .watch = watch_,
      .speaker = speaker_,
      .netlink = netlink_,
      .filter_transactions = filter_transactions_,
      .removed = removed_,
      .health = Health(facts()),
      .uptime = std::chrono::duration_cast<std::chrono::seconds>(Loop::Clock::now() - started_)};
}

HttpReply Daemon::answer_anyone(const HttpQuestion& question) {
  // The loop itself answers: one that stands still does not, and who asks has a timeout.
  if (question.path == "/healthz") return {.body = "ok\n"};
  if (question.path == "/readyz") return readiness(Health(facts()));
  if (question.path == "/metrics") return {.body = print_metrics(view()), .type = kMetrics};
  return refuse(404, "there are /healthz, /readyz and /metrics");
}

HttpReply Daemon::answer(const HttpQuestion& question) {
  const std::string& path = question.path;
  if (path == "/status") look_for_shadows(kLookForShadows);
  if (path == "/status") return {.body = print_status(view()), .type = kJson};
  if (path == "/nodes") return {.body = print_nodes(view()), .type = kJson};
  if (path != "/plan" && path != "/diff" && path != "/resync" && path != "/explain")
    return answer_anyone(question);
  if (!planning_.plan()) return refuse(503, "there is no plan yet; see plumbd status");
  if (path == "/plan") return {.body = print_plan(*planning_.plan()), .type = kJson};
  if (path == "/diff") return answer_diff(netlink_, planning_.plan()->kernel);
  if (path == "/explain") return answer_explain(question);
  if (question.method != "POST") return refuse(405, "POST changes something, GET does not");
  reconciler_.run_now();
  look_for_shadows(kLookForShadows);
  return {.body = print_status(view()), .type = kJson};
}

HttpReply Daemon::answer_explain(const HttpQuestion& question) {
  std::vector<base::IpAddress> addresses;
  for (const std::string& text : question.addresses) {
    const auto address = base::IpAddress::parse(text);
    if (!address) return refuse(400, json::quote(text) + " is not an IP address");
    addresses.push_back(*address);
  }
  const Explanation answer = explain(addresses, *planning_.plan(), planning_.state(), netlink_);
  return {.body = print_explanation(answer), .type = kJson};
}

}  // namespace agent
