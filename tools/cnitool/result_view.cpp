// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/result_view.h"

#include <unistd.h>

#include <iostream>

#include <nlohmann/json.hpp>

#include "libcni/json/result.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/join.h"
#include "tools/cnitool/table.h"
#include "tools/cnitool/trace.h"

namespace cnitool {
namespace {

using nlohmann::ordered_json;

std::string gateways_of(const cni::Result& result) {
  std::vector<std::string> all;
  for (const auto& ip : result.ips) {
    if (ip.gateway) all.push_back(ip.gateway->text());
  }
  return join(all);
}

std::string routes_of(const cni::Result& result) {
  std::vector<std::string> all;
  for (const auto& route : result.routes) {
    all.push_back(route.dst.text() + (route.gateway ? " via " + route.gateway->text() : ""));
  }
  return join(all);
}

std::string mac_of(const cni::Result& result, const std::string& ifname) {
  for (const auto& interface : result.interfaces) {
    if (interface.name == ifname && !interface.sandbox.empty()) return interface.mac;
  }
  return "";
}

void print_table(const std::vector<Made>& made, const Options& options) {
  const bool wide = options.format == Format::wide;
  std::vector<std::string> header{"NETWORK", "IFNAME", "ADDRESSES", "GATEWAY", "MAC"};
  if (wide) header.insert(header.end(), {"ROUTES", "DNS", "CONTAINER ID", "NETNS", "CACHE FILE"});
  Table table(header);
  for (const auto& one : made) {
    const cni::Result& result = one.report.result;
    const auto& conf = one.target.conf;
    std::vector<Cell> row{one.target.list.name, conf.ifname, addresses_of(result),
                          gateways_of(result), mac_of(result, conf.ifname)};
    if (wide) {
      const runtime::Cache cache(options.cache_dir);
      row.insert(row.end(), {routes_of(result), join(result.dns.nameservers), conf.container_id,
                             conf.netns, cache.path_of(one.target.list.name, conf)});
    }
    table.add(row);
  }
  print(table);
}

void print_steps_table(const std::vector<Made>& made) {
  Table table({"NETWORK", "PLUGIN", "TIME", "INTERFACES", "ADDRESSES", "ROUTES"});
  for (const auto& one : made) {
    for (std::size_t i = 0; i < one.report.steps.size(); ++i) {
      const auto& step = one.report.steps[i];
      std::vector<std::string> names;
      for (const auto& interface : step.result.interfaces) names.push_back(interface.name);
      const std::string time = i < one.calls.size() ? duration_text(one.calls[i].duration) : "";
      table.add({one.target.list.name, step.type, time, join(names), addresses_of(step.result),
                 routes_of(step.result)});
    }
  }
  print(table);
}

ordered_json steps_of(const Made& made, const Options& options) {
  ordered_json steps = ordered_json::array();
  for (std::size_t i = 0; i < made.report.steps.size(); ++i) {
    const auto& step = made.report.steps[i];
    ordered_json one{{"plugin", step.type}};
    if (i < made.calls.size()) {
      one["milliseconds"] = static_cast<double>(made.calls[i].duration.count()) / 1000;
    }
    one["result"] = ordered_json::parse(print_result_as(step.result, made.report.version, options));
    steps.push_back(one);
  }
  return steps;
}

ordered_json object_of(const Made& made, const Options& options) {
  ordered_json object{{"network", made.target.list.name},
                      {"containerID", made.target.conf.container_id},
                      {"ifname", made.target.conf.ifname},
                      {"netns", made.target.conf.netns}};
  if (options.steps) object["steps"] = steps_of(made, options);
  object["result"] =
      ordered_json::parse(print_result_as(made.report.result, made.report.version, options));
  return object;
}

}  // namespace

void print_made(const std::vector<Made>& made, const Options& options) {
  if (options.format == Format::name) {
    for (const auto& one : made) {
      std::cout << one.target.conf.container_id << ':' << one.target.conf.ifname << '\n';
    }
    return;
  }
  if (options.format == Format::table || options.format == Format::wide) {
    return options.steps ? print_steps_table(made) : print_table(made, options);
  }
  if (made.size() == 1 && !options.steps && !options.all) {
    return print_json(
        print_result_as(made.front().report.result, made.front().report.version, options));
  }
  ordered_json all = ordered_json::array();
  for (const auto& one : made) all.push_back(object_of(one, options));
  print_json(all.dump(4));
}

std::string print_result_as(const cni::Result& result, const std::string& version,
                            const Options& options) {
  const std::string& wanted = options.result_version.empty() ? version : options.result_version;
  return json::print_result(result, get_version(wanted, "--result-version"));
}

std::string addresses_of(const cni::Result& result) {
  std::vector<std::string> all;
  for (const auto& ip : result.ips) all.push_back(ip.address.text());
  return join(all);
}

cni::Version get_version(const std::string& text, const std::string& option) {
  const auto version = cni::find_supported(text);
  if (version) return *version;
  std::string known;
  for (const auto& one : cni::kVersions) known += (known.empty() ? "" : ", ") + one.text();
  throw UsageError(option + " \"" + text + "\": there are " + known);
}

void print_json(const std::string& text) {
  std::cout << text;
  if (isatty(STDOUT_FILENO) == 1) std::cout << '\n';
}

}  // namespace cnitool
