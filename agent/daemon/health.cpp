// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/health.h"

#include <algorithm>
#include <array>

#include "libcni/json/object.h"

namespace agent {
namespace {

using Lines = std::vector<std::string>;

Lines line_if(bool holds, const std::string& line) {
  return holds ? Lines{line} : Lines{};
}

Lines line_of(const std::string& problem, const std::string& what = {}) {
  return line_if(!problem.empty(), what + problem);
}

const DriverStatus* find_driver(const Facts& facts, std::string_view name) {
  const auto found = std::ranges::find(facts.drivers, name, &DriverStatus::name);
  return found == facts.drivers.end() ? nullptr : &*found;
}

/// The problem of a driver that has succeeded before.
Lines relapse_of(const Facts& facts, std::string_view name) {
  const DriverStatus* driver = find_driver(facts, name);
  if (driver == nullptr || !driver->done_once) return {};
  return line_of(driver->problem, driver->name + ": ");
}

/// Drivers without BIRD: a problem of BIRD or a peer must not make the node unready.
Lines unfinished(const Facts& facts) {
  Lines lines;
  for (const DriverStatus& driver : facts.drivers)
    if (!driver.done_once && driver.name != "bird")
      lines.push_back(driver.name + ": " +
                      (driver.problem.empty() ? "not done yet" : driver.problem));
  return lines;
}

bool has_written_files(const Facts& facts) {
  const DriverStatus* files = find_driver(facts, "files");
  return files != nullptr && files->done_once;
}

Lines missing_range(const Facts& facts) {
  return line_if(!facts.has_range && has_written_files(facts),
                 "this node has no pod range any more: new pods get no address");
}

Lines bird_problem(const Facts& facts) {
  const DriverStatus* bird = find_driver(facts, "bird");
  if (bird != nullptr && !bird->problem.empty()) return {"bird: " + bird->problem};
  return facts.bgp && !facts.bgp->running ? Lines{"bird: " + facts.bgp->state} : Lines{};
}

Lines sessions_down(const Facts& facts) {
  Lines lines;
  if (!facts.bgp) return lines;
  for (const bird::PeerStatus& peer : facts.bgp->peers)
    if (!peer.up())
      lines.push_back("the BGP session with " + json::quote(peer.peer) + " (" +
                      peer.address.text() + ") is in state " + json::quote(peer.state) +
                      (peer.error.empty() ? "" : ": " + json::quote(peer.error)));
  return lines;
}

Lines not_listening(const Facts& facts) {
  Lines lines;
  for (const auto& [what, why] : facts.listeners) lines.push_back(what + ": " + why);
  return lines;
}

constexpr auto kNotWorking = Severity::not_working;
constexpr auto kCannotTell = Severity::cannot_tell;
constexpr auto kDegraded = Severity::degraded;

constexpr std::array kConditions{
    Condition{"starting", kNotWorking, unfinished},
    Condition{"plan-failing", kNotWorking, [](const Facts& f) { return relapse_of(f, "plan"); }},
    Condition{"files-damaged", kNotWorking,
              [](const Facts& f) {
                return line_if(!f.files_valid && has_written_files(f),
                               "node.json or subnet.env is missing or damaged");
              }},
    Condition{"no-pod-range", kNotWorking, missing_range},
    Condition{"kernel-unreadable", kCannotTell,
              [](const Facts& f) { return f.kernel_read ? Lines{} : relapse_of(f, "kernel"); }},
    Condition{"forward-chains-unreadable", kCannotTell,
              [](const Facts& f) { return line_of(f.forward_unread, "forward chains: "); }},
    Condition{"routes-unreadable", kCannotTell,
              [](const Facts& f) { return line_of(f.routes_unread, "routes of the kernel: "); }},
    Condition{"route-shadowed", kDegraded, [](const Facts& f) { return f.route_shadows; }},
    Condition{"kernel-failing", kDegraded,
              [](const Facts& f) { return f.kernel_read ? relapse_of(f, "kernel") : Lines{}; }},
    Condition{"forward-dropped", kDegraded, [](const Facts& f) { return f.forward_drops; }},
    Condition{"bridged-services", kDegraded, [](const Facts& f) { return f.bridged_services; }},
    Condition{"pods-to-recreate", kDegraded, [](const Facts& f) { return line_of(f.old_wiring); }},
    Condition{"files-failing", kDegraded, [](const Facts& f) { return relapse_of(f, "files"); }},
    Condition{"publish-failing", kDegraded,
              [](const Facts& f) { return relapse_of(f, "publish"); }},
    Condition{
        "source-lost", kDegraded,
        [](const Facts& f) { return line_if(!f.source.in_sync, "source: " + f.source.state); }},
    Condition{
        "stale", kDegraded,
        [](const Facts& f) { return line_if(f.stale, "this node is programmed from the cache"); }},
    Condition{"list-held-back", kDegraded, [](const Facts& f) { return line_of(f.held_back); }},
    Condition{"list-problems", kDegraded, [](const Facts& f) { return f.list_problems; }},
    Condition{"pods-uncounted", kDegraded, [](const Facts& f) { return line_of(f.uncounted); }},
    Condition{"bird-failing", kDegraded, bird_problem},
    Condition{"bgp-session-down", kDegraded, sessions_down},
    Condition{"bgp-problems", kDegraded, [](const Facts& f) { return f.bgp_problems; }},
    Condition{"not-listening", kDegraded, not_listening},
    Condition{"cache-failing", kDegraded,
              [](const Facts& f) { return line_of(f.cache, "cache: "); }},
};

struct Word {
  Severity severity;
  std::string_view word;
  int exit;
};
constexpr std::array kWords{
    Word{Severity::healthy, "healthy", 0}, Word{Severity::degraded, "degraded", 3},
    Word{Severity::cannot_tell, "cannot tell", 1}, Word{Severity::not_working, "not working", 4}};

const Word& entry_of(Severity severity) {
  return *std::ranges::find(kWords, severity, &Word::severity);
}

}  // namespace

std::string_view word_of(Severity severity) {
  return entry_of(severity).word;
}

Severity severity_of(std::string_view word) {
  const auto found = std::ranges::find(kWords, word, &Word::word);
  return found == kWords.end() ? Severity::cannot_tell : found->severity;
}

int exit_of(Severity severity) {
  return entry_of(severity).exit;
}

std::span<const Condition> all_conditions() {
  return kConditions;
}

Health::Health(const Facts& facts) {
  for (const Condition& condition : kConditions)
    if (Lines lines = condition.find(facts); !lines.empty())
      found_.push_back({&condition, std::move(lines)});
}

Severity Health::severity() const {
  Severity worst = Severity::healthy;
  for (const Found& found : found_) worst = std::max(worst, found.condition->severity);
  return worst;
}

std::vector<std::string> Health::lines() const {
  Lines all;
  for (const Found& found : found_) all.insert(all.end(), found.lines.begin(), found.lines.end());
  return all;
}

void print_health(json::Writer& out, const Health& health) {
  out.member("health", word_of(health.severity()));
  out.raw_member("ready", health.ready() ? "true" : "false");
  out.open("conditions", '[');
  for (const Health::Found& found : health.found()) {
    out.open('{');
    out.member("name", found.condition->name);
    out.member("severity", word_of(found.condition->severity));
    out.open("lines", '[');
    for (const std::string& line : found.lines) out.element(line);
    out.close();
    out.close();
  }
  out.close();
  out.open("problems", '[');
  for (const std::string& line : health.lines()) out.element(line);
  out.close();
}

HttpReply readiness(const Health& health) {
  if (health.found().empty()) return {.body = "ok\n"};
  std::string body(word_of(health.severity()));
  body += "\n";
  for (const Health::Found& found : health.found())
    for (const std::string& line : found.lines)
      body += std::string(word_of(found.condition->severity)) + ": " +
              std::string(found.condition->name) + ": " + line + "\n";
  return {.status = health.ready() ? 200u : 503u, .body = std::move(body)};
}

}  // namespace agent
