// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "agent/daemon.h"
#include "agent/explain.h"
#include "agent/log.h"
#include "libcni/base/file.h"
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

/// What others have to do does not count: a session that is down would make every node unready.
bool is_missing(const DriverStatus& driver) {
  return !driver.done_once && driver.name != "bird";
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

std::string Daemon::why_unready() const {
  for (const DriverStatus& driver : reconciler_.status())
    if (is_missing(driver))
      return driver.name + ": " + (driver.problem.empty() ? "not done yet" : driver.problem);
  return files_.valid() ? "" : "node.json or subnet.env is missing or damaged";
}

View Daemon::view() {
  std::vector<std::string> problems = problems_;
  for (const auto& [what, text] : conditions_.all()) problems.push_back(what + ": " + text);
  if (!cache_.problem().empty()) problems.push_back("cache: " + cache_.problem());
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
      .ready = is_ready(),
      .problems = std::move(problems),
      .uptime = std::chrono::duration_cast<std::chrono::seconds>(Loop::Clock::now() - started_)};
}

HttpReply Daemon::answer_anyone(const HttpQuestion& question) {
  // The loop itself answers: one that stands still does not, and who asks has a timeout.
  if (question.path == "/healthz") return {.body = "ok\n"};
  if (question.path == "/readyz") {
    const std::string why = why_unready();
    return why.empty() ? HttpReply{.body = "ok\n"} : refuse(503, why);
  }
  if (question.path == "/metrics") return {.body = print_metrics(view()), .type = kMetrics};
  return refuse(404, "there are /healthz, /readyz and /metrics");
}

HttpReply Daemon::answer(const HttpQuestion& question) {
  const std::string& path = question.path;
  if (path == "/status") return {.body = print_status(view()), .type = kJson};
  if (path == "/nodes") return {.body = print_nodes(view()), .type = kJson};
  if (path != "/plan" && path != "/diff" && path != "/resync" && path != "/explain")
    return answer_anyone(question);
  if (!planning_.plan()) return refuse(503, "there is no plan yet; see plumbd status");
  if (path == "/plan") return {.body = print_plan(*planning_.plan()), .type = kJson};
  if (path == "/diff")
    return {.body = print_diff(fabric::diff(netlink_, planning_.plan()->kernel)), .type = kJson};
  if (path == "/explain") return answer_explain(question);
  if (question.method != "POST") return refuse(405, "POST changes something, GET does not");
  reconciler_.run_now();
  return {.body = print_status(view()), .type = kJson};
}

HttpReply Daemon::answer_explain(const HttpQuestion& question) {
  std::vector<base::IpAddress> addresses;
  for (const std::string& text : question.addresses) {
    const auto address = base::IpAddress::parse(text);
    if (!address) return refuse(400, "\"" + text + "\" is no IP address");
    addresses.push_back(*address);
  }
  return {.body = explain(addresses, *planning_.plan(), planning_.state(), netlink_)};
}

}  // namespace agent
