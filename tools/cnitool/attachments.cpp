// SPDX-License-Identifier: Apache-2.0
#include <ctime>
#include <iostream>

#include <nlohmann/json.hpp>

#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/sandbox.h"
#include "tools/cnitool/session.h"
#include "tools/cnitool/table.h"

namespace cnitool {
namespace {

using nlohmann::ordered_json;

/// The addresses of a result of any version. Reads leniently, so that a damaged entry can be shown.
std::string addresses_of(const runtime::CacheEntry& entry) {
  const auto result = ordered_json::parse(entry.result.value_or("{}"), nullptr, false);
  std::string all;
  const auto append = [&](const ordered_json& holder, const char* key) {
    if (!holder.is_object() || !holder.contains(key) || !holder[key].is_string()) return;
    all += (all.empty() ? "" : ",") + holder[key].get<std::string>();
  };
  if (!result.is_object()) return "";
  for (const auto& ip : result.value("ips", ordered_json::array())) append(ip, "address");
  for (const char* family : {"ip4", "ip6"})
    append(result.value(family, ordered_json::object()), "ip");
  return all;
}

std::string age_text(std::int64_t seconds) {
  if (seconds < 120) return std::to_string(std::max<std::int64_t>(seconds, 0)) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::int64_t age_of(const runtime::CacheEntry& entry) {
  return std::time(nullptr) - entry.written_at;
}

Cell liveness_of(const runtime::CacheEntry& entry) {
  switch (find_liveness(netns_of(entry))) {
    case Liveness::alive:
      return {"alive", Tone::good};
    case Liveness::gone:
      return {entry.from_earlier_boot() ? "gone (earlier boot)" : "gone", Tone::bad};
    case Liveness::unknown:
      break;
  }
  return {"unknown", Tone::warning};
}

/// null: unknown.
ordered_json alive_member(const runtime::CacheEntry& entry) {
  const Liveness liveness = find_liveness(netns_of(entry));
  return liveness == Liveness::unknown ? ordered_json() : ordered_json(liveness == Liveness::alive);
}

ordered_json object_of(const runtime::CacheEntry& entry) {
  ordered_json object{{"network", entry.network},
                      {"containerID", entry.conf.container_id},
                      {"ifname", entry.conf.ifname},
                      {"netns", netns_of(entry)},
                      {"alive", alive_member(entry)},
                      {"earlierBoot", entry.from_earlier_boot()},
                      {"ageSeconds", age_of(entry)},
                      {"owner", entry.owner},
                      {"file", entry.file}};
  if (entry.result) object["result"] = ordered_json::parse(*entry.result, nullptr, false);
  return object;
}

std::vector<runtime::CacheEntry> wanted_entries(const Options& options) {
  auto entries = runtime::Cache(options.cache_dir).list(options.container_id);
  if (!options.words.empty()) {
    std::erase_if(entries,
                  [&](const auto& entry) { return entry.network != options.words.front(); });
  }
  return entries;
}

void print_table(const std::vector<runtime::CacheEntry>& entries, bool wide) {
  std::vector<std::string> header{"NETWORK", "CONTAINER ID", "IFNAME", "ADDRESSES",
                                  "NETNS",   "STATE",        "AGE"};
  if (wide) header.insert(header.end(), {"OWNER", "CACHE FILE"});
  Table table(header);
  for (const auto& entry : entries) {
    std::vector<Cell> row{entry.network,          entry.conf.container_id, entry.conf.ifname,
                          addresses_of(entry),    netns_of(entry),         liveness_of(entry),
                          age_text(age_of(entry))};
    if (wide) row.insert(row.end(), {entry.owner, entry.file});
    table.add(row);
  }
  print(table);
}

}  // namespace

int run_attachments(const Options& options) {
  const auto entries = wanted_entries(options);
  if (options.format == Format::json) {
    ordered_json all = ordered_json::array();
    for (const auto& entry : entries) all.push_back(object_of(entry));
    std::cout << all.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else if (options.format == Format::name) {
    for (const auto& entry : entries) {
      std::cout << entry.conf.container_id << ':' << entry.conf.ifname << '\n';
    }
  } else if (entries.empty()) {
    note("no attachment in " + options.cache_dir + "/results");
  } else {
    print_table(entries, options.format == Format::wide);
  }
  return kOk;
}

}  // namespace cnitool
