// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <iostream>

#include "agent/commands/client.h"
#include "agent/commands/commands.h"
#include "agent/daemon/explain.h"
#include "agent/plan/planner.h"
#include "libcni/fabric/shadows.h"
#include "libcni/json/object.h"
#include "libcni/runtime/table.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

using runtime::Cell;
using runtime::Table;
using runtime::Tone;
using Objects = std::vector<json::Object>;

/// The text of the agent's answer; nothing when no agent runs.
std::optional<std::string> find_answer(const Config& config, const std::string& path,
                                       const char* method = "GET") {
  const auto answer = ask_agent(config, method, path);
  if (!answer) return std::nullopt;
  if (answer->status != 200) {
    std::string line = answer->body;
    if (!line.empty() && line.back() == '\n') line.pop_back();
    throw cni::Error(cni::Code::internal, line);
  }
  return answer->body;
}

std::string no_agent_on(const Config& config) {
  return "plumbd: no plumbd answers on " + config.run_dir + "/plumbd.sock";
}

std::optional<std::string> ask(const CommandLine& command_line, const std::string& path,
                               const char* method = "GET") {
  const Config config = load_config_for_agent(command_line).config;
  auto text = find_answer(config, path, method);
  if (!text) std::cerr << no_agent_on(config) << "\n";
  return text;
}

/// The configuration to plan with; throws when it has mistakes.
const Config& own_config(const ConfigReading& reading) {
  if (reading.problems.empty()) return reading.config;
  throw cni::Error(
      cni::Code::invalid_config,
      "no plumbd answers on " + reading.config.run_dir +
          "/plumbd.sock, and no plan can be made with a wrong configuration: correct it");
}

/// The first plan of an agent in this network namespace.
struct OwnPlan {
  explicit OwnPlan(const ConfigReading& reading) : planner(own_config(reading), netlink) {
    const Known known = known_cluster(reading.config);
    std::cerr << no_agent_on(reading.config) << "; planned from " << known.file
              << (known.stale ? ", the last state that an agent saved" : "") << "\n";
    planner.run(known.snapshot, known.stale);
  }
  const NodePlan& plan() const { return *planner.plan(); }
  net::Netlink netlink;
  Planner planner;
};

std::string joined(const json::Object& object, std::string_view key, const char* between = " ") {
  std::string text;
  for (const std::string& one : object.find_strings(key).value_or(std::vector<std::string>{}))
    text += (text.empty() ? "" : between) + one;
  return text;
}

/// `3 s ago`, from the number in the JSON.
std::string age_of(const json::Object& driver) {
  const std::string text = driver.text_of("lastSuccessSecondsAgo");
  if (text.empty()) return "never";
  return std::to_string(std::lround(std::stod(text))) + " s ago";
}

std::string milliseconds_of(const json::Object& driver) {
  return std::to_string(std::lround(std::stod(driver.text_of("seconds")) * 1000)) + " ms";
}

void show_former_ranges(const json::Object& status) {
  for (const auto& former : status.find_objects("formerRanges").value_or(Objects{}))
    std::cout << "former    " << former.get_string("range")
              << ", pods left: " << former.find_int("pods").value_or(0)
              << (former.get_bool("served") ? "" : "; another node has it now") << "\n";
}

Severity health_of(const json::Object& answer) {
  return severity_of(answer.get_string("health"));
}

void show_head(const json::Object& status) {
  const Severity health = health_of(status);
  const auto state = runtime::paint(std::string(word_of(health)),
                                    health == Severity::healthy ? Tone::good : Tone::bad,
                                    runtime::colour_wanted(1));
  const json::Object underlay = status.get_object("underlay");
  const json::Object source = status.get_object("source");
  const std::string ranges = joined(status, "ranges");
  std::cout << "node " << status.get_string("node") << ", " << state
            << (status.get_bool("stale") ? ", stale: programmed from the cache" : "") << "\n"
            << "backend   " << status.get_string("backend") << "\n"
            << "underlay  " << underlay.get_string("parent") << ", MTU "
            << underlay.find_int("mtu").value_or(0) << ", " << joined(underlay, "addresses") << "\n"
            << "pods      " << (ranges.empty() ? "no range yet" : ranges) << ", MTU "
            << status.find_int("podMtu").value_or(0) << "\n";
  show_former_ranges(status);
  std::cout << "source    " << source.get_string("kind") << ", " << source.get_string("state")
            << "\n"
            << "nodes     " << status.find_int("nodes").value_or(0) << "\n"
            << "plumbd    " << status.get_string("version") << ", pid "
            << status.find_int("pid").value_or(0) << ", up "
            << status.find_int("uptimeSeconds").value_or(0) << " s, "
            << status.find_int("residentBytes").value_or(0) / 1024 << " KiB\n\n";
}

void show_drivers(const json::Object& status) {
  Table table({"DRIVER", "STATE", "OBJECTS", "CHANGES", "RUNS", "LAST", "TOOK"});
  for (const auto& driver : status.find_objects("drivers").value_or(Objects{})) {
    const std::string problem = driver.get_string("problem");
    const bool has_run = driver.find_int("runs").value_or(0) > 0;
    table.add({driver.get_string("name"),
               !problem.empty() ? Cell("failing", Tone::bad)
               : has_run        ? Cell("ok", Tone::good)
                                : Cell("has not run yet", Tone::plain),
               std::to_string(driver.find_int("desired").value_or(0)),
               std::to_string(driver.find_int("writes").value_or(0)),
               std::to_string(driver.find_int("runs").value_or(0)), age_of(driver),
               milliseconds_of(driver)});
  }
  runtime::print(table);
}

/// Prints the conditions, one line each, after an empty line.
void show_conditions(const json::Object& status) {
  const auto conditions = status.find_objects("conditions").value_or(Objects{});
  if (!conditions.empty()) std::cout << "\n";
  for (const auto& condition : conditions)
    for (const std::string& line :
         condition.find_strings("lines").value_or(std::vector<std::string>{}))
      std::cout << condition.get_string("severity") << ": " << condition.get_string("name") << ": "
                << line << "\n";
}

void show_bgp(const json::Object& status) {
  const auto bgp = status.find_object("bgp");
  if (!bgp) return;
  std::cout << "\nBIRD: " << bgp->get_string("state") << "\n";
  Table table({"PEER", "ADDRESS", "AS", "STATE", "SINCE", "IN", "OUT", "ERROR"});
  for (const auto& peer : bgp->find_objects("peers").value_or(Objects{})) {
    const std::string state = peer.get_string("state");
    const auto number = [&](const char* key) {
      return std::to_string(peer.find_uint(key).value_or(0));
    };
    table.add({peer.get_string("peer"), peer.get_string("address"), number("asNumber"),
               Cell(state, state == "Established" ? Tone::good : Tone::bad),
               peer.get_string("since"), number("imported"), number("exported"),
               peer.get_string("error")});
  }
  if (!table.empty()) runtime::print(table);
  for (const std::string& note : bgp->find_strings("notes").value_or(std::vector<std::string>{}))
    std::cout << "note: " << note << "\n";
}

}  // namespace

int show_status(const CommandLine& command_line) {
  if (!command_line.probe.empty()) return answer_probe(command_line);
  const auto text = ask(command_line, "/status");
  if (!text) return kFailed;
  const auto status = read_for_people(*text, "status");
  if (command_line.json) {
    std::cout << *text;
    return exit_of(health_of(status));
  }
  show_head(status);
  show_drivers(status);
  show_bgp(status);
  show_conditions(status);
  return exit_of(health_of(status));
}

int show_nodes(const CommandLine& command_line) {
  const auto text = ask(command_line, "/nodes");
  if (!text) return kFailed;
  const auto answer = read_for_people(*text, "nodes");
  const auto unread = answer.find_strings("unread").value_or(std::vector<std::string>{});
  Severity health = unread.empty() ? Severity::healthy : Severity::cannot_tell;
  Table table({"NODE", "ADDRESSES", "PODS", "REACHED BY"});
  for (const auto& node : answer.find_objects("nodes").value_or(Objects{})) {
    const std::string way = node.get_string("reachedBy");
    const std::string missing = joined(node, "missing", ", ");
    const bool bad = way == "no route" || !missing.empty();
    if (bad) health = std::max(health, Severity::degraded);
    table.add(
        {node.get_string("name"), joined(node, "addresses"), joined(node, "ranges"),
         Cell(way + (missing.empty() ? "" : "; missing or different in the kernel: " + missing),
              bad ? Tone::bad : Tone::plain)});
  }
  if (command_line.json)
    std::cout << *text;
  else
    runtime::print(table);
  for (const std::string& line : unread) std::cerr << "plumbd: " << line << "\n";
  return exit_of(health);
}

int show_plan(const CommandLine& command_line) {
  const ConfigReading reading = load_config_for_agent(command_line);
  const auto text = find_answer(reading.config, "/plan");
  std::cout << (text ? *text : print_plan(OwnPlan(reading).plan()));
  return kOk;
}

int show_diff(const CommandLine& command_line) {
  const ConfigReading reading = load_config_for_agent(command_line);
  auto text = find_answer(reading.config, "/diff");
  if (!text) {
    OwnPlan own(reading);
    const fabric::Desired& kernel = own.plan().kernel;
    text = print_diff(fabric::diff(own.netlink, kernel),
                      fabric::texts_of(fabric::find_shadows(own.netlink, kernel)));
  }
  const auto report = read_for_people(*text, "diff");
  const auto changes = report.find_objects("changes").value_or(Objects{});
  const auto errors = report.find_strings("errors").value_or(std::vector<std::string>{});
  if (command_line.json) std::cout << *text;
  for (const auto& change : changes)
    if (!command_line.json)
      std::cout << change.get_string("what") << " " << change.get_string("object") << "\n";
  const auto shadowed = report.find_strings("shadowed").value_or(std::vector<std::string>{});
  for (const std::string& line : shadowed)
    if (!command_line.json) std::cout << "shadowed: " << line << "\n";
  for (const std::string& error : errors) std::cerr << "plumbd: " << error << "\n";
  if (!errors.empty()) return exit_of(Severity::cannot_tell);
  if (changes.empty() && shadowed.empty() && !command_line.json)
    std::cout << "nothing: all " << report.find_int("desired").value_or(0)
              << " objects are as planned\n";
  return exit_of(changes.empty() && shadowed.empty() ? Severity::healthy : Severity::degraded);
}

int resync(const CommandLine& command_line) {
  const auto text = ask(command_line, "/resync", "POST");
  if (!text) return kFailed;
  const auto status = read_for_people(*text, "status");
  show_drivers(status);
  show_conditions(status);
  const auto drivers = status.find_objects("drivers").value_or(Objects{});
  const bool done = std::ranges::none_of(
      drivers, [](const json::Object& driver) { return driver.has("problem"); });
  return done ? kOk : exit_of(health_of(status));
}

int show_explanation(const CommandLine& command_line) {
  if (command_line.words.front().find('/') != std::string::npos)
    return explain_policies(command_line);
  std::string query;
  std::vector<base::IpAddress> addresses;
  for (const std::string& word : command_line.words) {
    // The check also keeps spaces and ampersands out of the request.
    const auto address = base::IpAddress::parse(word);
    if (!address)
      throw cni::Error(cni::Code::invalid_config, json::quote(word) + " is not an IP address");
    addresses.push_back(*address);
    query += (query.empty() ? "?address=" : "&address=") + word;
  }
  const ConfigReading reading = load_config_for_agent(command_line);
  auto text = find_answer(reading.config, "/explain" + query);
  if (!text) {
    OwnPlan own(reading);
    text = print_explanation(explain(addresses, own.plan(), own.planner.state(), own.netlink));
  }
  const auto answer = read_for_people(*text, "explanation", true);
  std::cout << answer.get_string("text");
  return exit_of(health_of(answer));
}

}  // namespace agent
