// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/sandbox.h"
#include "tools/cnitool/session.h"
#include "tools/cnitool/table.h"

namespace cnitool {
namespace {

using nlohmann::ordered_json;

cni::Attachment parse_keep(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) {
    throw UsageError("attachment to keep \"" + text + "\": write CONTAINER-ID:IFNAME");
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::vector<cni::Attachment> parse_keep_json(const std::string& text, const std::string& file) {
  const auto list = ordered_json::parse(text, nullptr, false);
  if (!list.is_array()) throw UsageError("\"" + file + "\" must hold a JSON list of attachments");
  std::vector<cni::Attachment> all;
  for (const auto& one : list) {
    const bool sound = one.is_object() && one.contains("containerID") &&
                       one["containerID"].is_string() && one.contains("ifname") &&
                       one["ifname"].is_string();
    if (!sound) {
      throw UsageError("\"" + file + "\": " + one.dump() +
                       " must be an object with containerID and ifname");
    }
    all.push_back({one["containerID"], one["ifname"]});
  }
  return all;
}

/// Parses lines of ID:IFNAME, in which `#` begins a comment, or the output of `attachments --json`.
std::vector<cni::Attachment> read_keep_file(const std::string& file) {
  const std::string text = read_input(file);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start != std::string::npos && (text[start] == '[' || text[start] == '{')) {
    return parse_keep_json(text, file);
  }
  std::vector<cni::Attachment> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(std::min(line.find('#'), line.size()));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    line.erase(0, line.find_first_not_of(" \t"));
    if (!line.empty()) all.push_back(parse_keep(line));
  }
  return all;
}

/// The attachments that are still in use; without any, all attachments of the network are deleted.
/// The reference's form, with a namespace that it requires and does not use, keeps that meaning.
std::optional<runtime::GcArgs> read_keep(const Options& options) {
  const bool has_list = !options.keep.empty() || !options.keep_from.empty();
  if (options.all && has_list) throw UsageError("gc: --all and --keep exclude each other");
  if (!has_list && !options.all && options.words.size() < 2 && !options.dry_run) {
    throw UsageError("gc would delete every attachment of \"" +
                     (options.words.empty() ? options.conf : options.words.front()) +
                     "\": say which to --keep, or --all; --dry-run shows them");
  }
  if (!has_list) return std::nullopt;
  runtime::GcArgs args;
  args.valid.list.emplace();
  for (const auto& text : options.keep) args.valid.list->push_back(parse_keep(text));
  if (!options.keep_from.empty()) {
    for (auto& one : read_keep_file(options.keep_from)) args.valid.list->push_back(std::move(one));
  }
  return args;
}

Cell netns_cell(const runtime::CacheEntry& entry) {
  const std::string netns = netns_of(entry);
  switch (find_liveness(netns)) {
    case Liveness::alive:
      return {netns, Tone::warning};
    case Liveness::gone:
      return {netns + " (gone)", Tone::dim};
    case Liveness::unknown:
      break;
  }
  return {netns.empty() ? "unknown" : netns + " (unknown)", Tone::warning};
}

int print_dry_run(const std::vector<runtime::CacheEntry>& stale, const Options& options) {
  if (options.format == Format::json) {
    ordered_json all = ordered_json::array();
    for (const auto& entry : stale) {
      all.push_back({{"network", entry.network},
                     {"containerID", entry.conf.container_id},
                     {"ifname", entry.conf.ifname}});
    }
    std::cout << all.dump(4) << '\n';
    return kOk;
  }
  Table table({"WOULD DELETE", "IFNAME", "NETNS", "OWNER"});
  for (const auto& entry : stale)
    table.add({entry.conf.container_id, entry.conf.ifname, netns_cell(entry), entry.owner});
  if (table.empty()) {
    note("nothing would be deleted from the cache");
  } else {
    print(table);
  }
  return kOk;
}

void print_report(const runtime::GcReport& report, const Options& options) {
  if (options.format == Format::json) {
    ordered_json object{{"deleted", ordered_json::array()}, {"collected", report.collected}};
    for (const auto& one : report.deleted) {
      object["deleted"].push_back({{"containerID", one.container_id}, {"ifname", one.ifname}});
    }
    object["failures"] = ordered_json::array();
    for (const auto& failure : report.failures) {
      ordered_json one{{"code", failure.code}, {"msg", failure.text}};
      if (!failure.plugin.empty()) one["plugin"] = failure.plugin;
      if (failure.attachment) {
        one["containerID"] = failure.attachment->container_id;
        one["ifname"] = failure.attachment->ifname;
      }
      object["failures"].push_back(one);
    }
    std::cout << object.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return;
  }
  const bool reference_form = options.words.size() > 1;
  if (!reference_form && !report.deleted.empty()) {
    Table table({"DELETED", "IFNAME"});
    for (const auto& one : report.deleted) table.add({one.container_id, one.ifname});
    print(table);
  }
  for (const auto& failure : report.failures) note(failure.text);
}

}  // namespace

int run_gc(const Options& options) {
  if (options.words.empty() && options.conf.empty()) {
    throw UsageError("no network given. " + usage_of("gc"));
  }
  const std::string name = options.words.empty() ? "" : options.words.front();
  const auto list = load_network(options, name);
  const auto args = read_keep(options);
  runtime::RuntimeOptions behaviour = runtime_options(options);
  behaviour.force = options.force || !args;
  const runtime::Cni cni(behaviour);
  if (options.dry_run) return print_dry_run(cni.stale_attachments(list, args), options);
  const runtime::GcReport report = cni.gc(list, args);
  for (const auto& warning : report.warnings) warn(warning);
  if (report.disabled) note(list.name + " has disableGC: nothing was done");
  if (!report.supported && options.verbose > 0) {
    note("GC of the plugins was not run: version " + list.version + " is below 1.1.0");
  }
  print_report(report, options);
  return report.failures.empty() ? kOk : kPluginFailed;
}

}  // namespace cnitool
