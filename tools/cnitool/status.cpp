// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>

#include <nlohmann/json.hpp>

#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/session.h"
#include "tools/cnitool/table.h"

namespace cnitool {
namespace {

/// The answer of one plugin of one network.
struct Row {
  std::string network;
  std::string version;
  std::string plugin;
  std::string state;
  unsigned code = 0;
  std::string message = {};
};

struct Findings {
  std::vector<Row> rows;
  int exit_code = kOk;
};

Tone tone_of(const std::string& state) {
  if (state == "ready") return Tone::good;
  return state == "not asked" ? Tone::dim : Tone::bad;
}

/// The plugins before the failed one are ready; those after it were not asked.
void add_failure(const runtime::NetworkList& list, const cni::Error& error,
                 const std::string& culprit, std::vector<Row>& rows) {
  const auto failed = std::find_if(list.plugins.begin(), list.plugins.end(),
                                   [&](const auto& plugin) { return plugin.type == culprit; });
  for (auto plugin = list.plugins.begin(); plugin != list.plugins.end(); ++plugin) {
    Row row{list.name, list.version, plugin->type, plugin < failed ? "ready" : "not asked"};
    if (plugin == failed) {
      row.code = static_cast<unsigned>(error.code());
      row.state = row.code == kLimited ? "limited" : "not ready";
      const auto* failure = dynamic_cast<const runtime::PluginError*>(&error);
      row.message = runtime::error_text(failure != nullptr ? failure->reason() : error);
    }
    rows.push_back(row);
  }
}

std::string culprit_of(const cni::Error& error) {
  if (const auto* plugin = dynamic_cast<const runtime::PluginError*>(&error))
    return plugin->call().type;
  if (const auto* missing = dynamic_cast<const runtime::PluginNotFound*>(&error))
    return missing->type();
  return "";
}

/// Asks one network. A failure becomes a row of the table, so that the other networks are asked
/// too.
void ask(const runtime::NetworkList& list, const Options& options, Findings& findings) {
  try {
    const auto report = runtime::Cni(runtime_options(options)).status(list);
    for (const auto& plugin : list.plugins) {
      Row row{list.name, list.version, plugin.type, "ready"};
      if (!report.supported) {
        row.state = "not asked";
        row.message = "version " + list.version + " is too old: STATUS came with 1.1.0";
      }
      findings.rows.push_back(row);
    }
  } catch (const cni::Error& error) {
    const std::string culprit = culprit_of(error);
    if (culprit.empty()) throw;
    add_failure(list, error, culprit, findings.rows);
    if (findings.exit_code == kOk) findings.exit_code = exit_code_for(error);
  }
}

void print_rows(const Findings& findings, const Options& options) {
  if (options.format == Format::json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const auto& row : findings.rows) {
      nlohmann::ordered_json one{{"network", row.network},
                                 {"version", row.version},
                                 {"plugin", row.plugin},
                                 {"status", row.state},
                                 {"code", row.code}};
      if (!row.message.empty()) one["msg"] = row.message;
      all.push_back(one);
    }
    std::cout << all.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return;
  }
  Table table({"NETWORK", "VERSION", "PLUGIN", "STATUS", "CODE", "MESSAGE"});
  for (const auto& row : findings.rows) {
    const std::string code = row.code == 0 ? "" : std::to_string(row.code);
    table.add(
        {row.network, row.version, row.plugin, {row.state, tone_of(row.state)}, code, row.message});
  }
  print(table);
}

}  // namespace

int run_status(const Options& options) {
  // `status NET NETNS` is the form of the reference: it prints nothing on success.
  if (options.words.size() > 1 && options.format == Format::automatic) {
    const auto list = load_network(options, options.words.front());
    const auto report = runtime::Cni(runtime_options(options)).status(list);
    if (!report.supported && options.verbose > 0) {
      note("not asked: version " + list.version + " is too old, STATUS came with 1.1.0");
    }
    return kOk;
  }
  Findings findings;
  if (options.words.empty() && options.conf.empty()) {
    for (const auto& list : load_all_networks(options)) ask(list, options, findings);
  } else {
    for (const auto& name : networks_of(options))
      ask(load_network(options, name), options, findings);
  }
  print_rows(findings, options);
  return findings.exit_code;
}

}  // namespace cnitool
