// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/snapshot.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tools/cnitool/conformance/process.h"
#include "tools/cnitool/conformance/world.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Lines = std::vector<std::string>;

ProcessSetup tool(const std::string& path, std::vector<std::string> arguments) {
  ProcessSetup setup{path};
  setup.arguments = std::move(arguments);
  setup.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  return setup;
}

Outcome run_ip(std::vector<std::string> arguments, const std::string& netns) {
  const base::UniqueFd fd = netns.empty() ? base::UniqueFd() : open_namespace(netns);
  if (!netns.empty() && !fd) return {};
  static const std::string path = find_tool("ip");
  ProcessSetup setup = tool(path, std::move(arguments));
  setup.netns = fd.get();
  return run_process(setup);
}

bool is_link_local(const std::string& text) {
  return text.starts_with("fe80:") || text.starts_with("ff00:") || text.starts_with("multicast");
}

void add_links(const json& links, const std::string& side, Lines& lines) {
  for (const json& link : links) {
    if (!link.contains("ifname")) continue;
    const std::string name = link["ifname"];
    if (side == "host" && is_device(name)) continue;
    const std::string kind = link.value(json::json_pointer("/linkinfo/info_kind"), "");
    const json flags = link.value("flags", json::array());
    const bool up = std::find(flags.begin(), flags.end(), "UP") != flags.end();
    // A bridge takes the lowest MAC address of its ports, which changes with its ports.
    const std::string mac = kind == "bridge" ? "" : link.value("address", "");
    lines.push_back(side + " link " + name + " " + kind + (up ? " up" : " down") + " mtu " +
                    std::to_string(link.value("mtu", 0)) + " master " + link.value("master", "-") +
                    " " + mac);
    for (const json& address : link.value("addr_info", json::array())) {
      const std::string local = address.value("local", "");
      if (is_link_local(local)) continue;
      lines.push_back(side + " address " + name + " " + local + "/" +
                      std::to_string(address.value("prefixlen", 0)));
    }
  }
}

void add_routes(const json& routes, const std::string& side, Lines& lines) {
  for (const json& route : routes) {
    const std::string destination = route.value("dst", "");
    if (is_link_local(destination) || route.value("type", "") == "anycast") continue;
    lines.push_back(side + " route " + route.value("type", "unicast") + " " + destination +
                    " via " + route.value("gateway", "-") + " dev " + route.value("dev", "-") +
                    " table " + route.value("table", json("main")).dump() + " metric " +
                    std::to_string(route.value("metric", 0)));
  }
}

void add_network(const std::string& netns, const std::string& side, Lines& lines) {
  add_links(ip_json({"-d", "addr", "show"}, netns), side, lines);
  for (const char* family : {"-4", "-6"}) {
    add_routes(ip_json({family, "route", "show", "table", "all"}, netns), side, lines);
  }
  for (const json& rule : ip_json({"rule", "show"}, netns))
    lines.push_back(side + " rule " + rule.dump());
}

/// Without the ip tool: the kernel's own lists, which contain less.
void add_proc_network(const std::string& netns, const std::string& side, Lines& lines) {
  const base::UniqueFd fd = netns.empty() ? base::UniqueFd() : open_namespace(netns);
  for (const char* file :
       {"/proc/self/net/route", "/proc/self/net/if_inet6", "/proc/self/net/fib_trie"}) {
    ProcessSetup setup = tool(find_tool("cat"), {file});
    setup.netns = fd.get();
    lines.push_back(side + " " + file + " " + run_process(setup).out);
  }
}

/// Removes counters and handles from an `nft -j` object.
void strip_volatile(json& value) {
  if (value.is_object()) {
    for (const char* key : {"handle", "packets", "bytes", "expires", "index"}) value.erase(key);
  }
  if (!value.is_structured()) return;
  for (json& member : value) strip_volatile(member);
}

void add_nft(Lines& lines) {
  json rules = nft_json();
  if (!rules.is_object()) return;
  for (json& entry : rules["nftables"]) {
    if (entry.contains("metainfo")) continue;
    strip_volatile(entry);
    for (auto& [kind, object] : entry.items()) {
      if (!object.contains("elem")) continue;
      for (const json& element : object["elem"]) {
        lines.push_back("nft element of " + object.value("name", "") + " " + element.dump());
      }
      object.erase("elem");
    }
    lines.push_back("nft " + entry.dump());
  }
}

std::string describe(const fs::directory_entry& entry) {
  if (entry.is_symlink()) return "-> " + fs::read_symlink(entry.path()).string();
  if (!entry.is_regular_file()) return {};
  // A namespace that is bound to a file cannot be read; it counts as empty.
  std::ostringstream content;
  content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
  std::string text = content.str();
  if (text.size() > 200) text = std::to_string(std::hash<std::string>{}(text));
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// The files of host-local other than reservations (lock and cursors) belong to no attachment.
bool is_memory(const fs::path& path) {
  const std::string name = path.filename();
  const bool address = name.find_first_not_of("0123456789abcdef.:") == std::string::npos;
  return path.string().starts_with("/var/lib/cni/networks/") && !address;
}

void add_files(Lines& lines) {
  for (const char* top : {"/run", "/var/lib"}) {
    fs::recursive_directory_iterator at(top, fs::directory_options::skip_permission_denied);
    for (; at != fs::recursive_directory_iterator(); ++at) {
      if (at->path() == kWork) {
        at.disable_recursion_pending();
        continue;
      }
      if (at->is_directory() || is_memory(at->path())) continue;
      lines.push_back("file " + at->path().string() + " " + describe(*at));
    }
  }
}

std::string joined(const Lines& lines, const char* prefix) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + (prefix + line);
  return text;
}

}  // namespace

json ip_json(const std::vector<std::string>& arguments, const std::string& netns) {
  std::vector<std::string> all{"-j"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Outcome outcome = run_ip(std::move(all), netns);
  if (!outcome.succeeded()) return nullptr;
  return outcome.out.empty() ? json::array() : json::parse(outcome.out, nullptr, false);
}

bool ip_run(const std::vector<std::string>& arguments, const std::string& netns) {
  return run_ip(arguments, netns).succeeded();
}

json nft_json() {
  static const std::string path = find_tool("nft");
  if (path.empty()) return nullptr;
  return json::parse(run_process(tool(path, {"-j", "list", "ruleset"})).out, nullptr, false);
}

Snapshot Snapshot::take(const std::string& sandbox) {
  Snapshot snapshot;
  const auto add = find_tool("ip").empty() ? add_proc_network : add_network;
  add("", "host", snapshot.lines_);
  if (open_namespace(sandbox)) add(sandbox, "sandbox", snapshot.lines_);
  add_nft(snapshot.lines_);
  add_files(snapshot.lines_);
  std::sort(snapshot.lines_.begin(), snapshot.lines_.end());
  return snapshot;
}

std::string Snapshot::difference(const Snapshot& later) const {
  Lines gone;
  Lines added;
  std::set_difference(lines_.begin(), lines_.end(), later.lines_.begin(), later.lines_.end(),
                      std::back_inserter(gone));
  std::set_difference(later.lines_.begin(), later.lines_.end(), lines_.begin(), lines_.end(),
                      std::back_inserter(added));
  const std::string minus = joined(gone, "- ");
  const std::string plus = joined(added, "+ ");
  return minus + (minus.empty() || plus.empty() ? "" : "; ") + plus;
}

Lines Snapshot::find(const std::string& text) const {
  Lines found;
  for (const std::string& line : lines_) {
    if (line.find(text) != std::string::npos) found.push_back(line);
  }
  return found;
}

}  // namespace conformance
