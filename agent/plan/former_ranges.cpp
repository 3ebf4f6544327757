// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/former_ranges.h"

#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <system_error>

#include "agent/loop/log.h"
#include "agent/plan/reservations.h"
#include "libcni/base/file.h"
#include "libcni/fabric/desired.h"
#include "libcni/json/object.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"
#include "libcni/nodes/node_file.h"

namespace agent {
namespace {

/// Time for an ADD that began with the old node.json to end.
constexpr std::chrono::seconds kGrace(5);

bool has(const std::vector<base::Prefix>& ranges, const base::Prefix& range) {
  return std::ranges::find(ranges, range) != ranges.end();
}

std::vector<base::Prefix> read_served(const std::string& path) {
  try {
    if (const auto text = base::find_file(path)) return nodes::parse_node_json(*text, path).ranges;
  } catch (const std::exception& error) {
    log(LogLevel::warning, std::string("cannot read the former ranges: ") + error.what());
  }
  return {};
}

/// The folder in which the plugins of the conflist keep reservations.
std::string find_reservations(const std::string& conflist) {
  const auto text = conflist.empty() ? std::nullopt : base::find_file(conflist);
  if (!text) return kReservations;
  const auto list = json::Object::parse(*text, conflist);
  for (const json::Object& plugin :
       list.find_objects("plugins").value_or(std::vector<json::Object>{}))
    if (const auto ipam = plugin.find_object("ipam"))
      return ipam->get_string("dataDir", kReservations);
  return kReservations;
}

bool is_pod_route(const net::Route& route, const base::Prefix& range) {
  const bool fabric = route.protocol == fabric::kProtocolVxlan ||
                      route.protocol == fabric::kProtocolDirect ||
                      route.protocol == net::kProtocolKernel;
  return !fabric && !route.blackhole && route.dst.length == route.dst.address.bits() &&
         range.contains(route.dst.address);
}

/// Counts the owners of addresses in `subnets`, in all networks.
std::size_t count_owners(const std::string& reservations,
                         const std::vector<base::Prefix>& subnets) {
  std::set<std::string> owners;
  for_each_network(reservations, [&](const ipam::Folder& folder) {
    folder.scan([&](const ipam::AddressFile& file) {
      if (!file.owner.empty() && base::any_contains(subnets, base::host_prefix(file.address)))
        owners.insert(file.owner);
    });
  });
  return owners.size();
}

/// Counts pods on bridges that are a gateway of `range`, minus those with a reservation.
std::size_t count_unknown(net::Netlink& netlink, const std::string& reservations,
                          const base::Prefix& range) {
  std::map<int, std::vector<base::Prefix>> gateways;
  for (const net::Address& each : net::list_addresses(netlink))
    gateways[each.index].push_back(each.prefix.network());
  std::erase_if(gateways, [&](const auto& link) {
    return std::ranges::none_of(link.second,
                                [&](const base::Prefix& subnet) { return range.overlaps(subnet); });
  });
  if (gateways.empty()) return 0;
  std::map<int, std::size_t> ports;
  for (const net::Link& link : net::list_links(netlink))
    if (link.kind == "veth" && gateways.contains(link.master)) ++ports[link.master];
  std::size_t unknown = 0;
  for (const auto& [bridge, count] : ports) {
    const std::size_t known = count_owners(reservations, gateways[bridge]);
    if (count > known) unknown += count - known;
  }
  return unknown;
}

}  // namespace

PodCount count_pods(net::Netlink& netlink, const std::string& reservations,
                    const base::Prefix& range) {
  std::set<base::IpAddress> pods;
  for_each_network(reservations, [&](const ipam::Folder& folder) {
    folder.list([&](const base::IpAddress& address) {
      if (range.contains(address)) pods.insert(address);
    });
  });
  for (const net::Route& route : net::list_main_routes(netlink, range.address.family(), 0))
    if (is_pod_route(route, range)) pods.insert(route.dst.address);
  return {.addresses = pods.size(), .unknown = count_unknown(netlink, reservations, range)};
}

FormerRanges::FormerRanges(const Config& config)
    : conflist_(config.cni_conf), served_(read_served(config.state_dir + "/node.json")) {}

void FormerRanges::look(net::Netlink& netlink, const std::vector<base::Prefix>& given) {
  const auto now = Clock::now();
  std::erase_if(former_, [&](const Former& each) { return has(given, each.range); });
  for (const base::Prefix& range : served_) {
    const auto known = std::ranges::find(former_, range, &Former::range);
    if (has(given, range) || known != former_.end()) continue;
    former_.push_back({.range = range, .since = now});
    log(LogLevel::info, "range " + range.text() +
                            " was taken from this node: it is served until its pods are gone");
  }
  problem_.clear();
  if (former_.empty()) return;
  try {
    const std::string reservations = find_reservations(conflist_);
    for (Former& each : former_) {
      const PodCount count = count_pods(netlink, reservations, each.range);
      each.pods = count.addresses;
      each.unknown = count.unknown;
    }
  } catch (const std::exception& error) {
    problem_ = std::string("former ranges are kept, because their pods cannot be counted: ") +
               error.what();
    return;
  }
  report_unknown();
  std::erase_if(former_, [&](const Former& each) {
    const bool over = each.is_empty() && now >= each.since + kGrace;
    if (over)
      log(LogLevel::info,
          "range " + each.range.text() + " is given up: no pod has an address of it any more");
    if (over) withdrawn_.push_back(each.range);
    return over;
  });
}

/// Pods without a reservation may have an address of the range: it is kept for them.
void FormerRanges::report_unknown() {
  const auto unknown = std::ranges::find_if(
      former_, [](const Former& each) { return each.pods == 0 && each.unknown > 0; });
  if (unknown == former_.end()) return;
  problem_ = "former range " + unknown->range.text() +
             " is kept: " + std::to_string(unknown->unknown) +
             " pods on its bridge have no reservation, so their addresses are unknown";
}

void FormerRanges::serve(const std::vector<base::Prefix>& ranges) {
  served_ = ranges;
  planned_ = true;
  for (Former& each : former_) {
    each.granted = has(ranges, each.range);
    if (!each.granted) withdrawn_.push_back(each.range);
  }
}

std::vector<base::Prefix> FormerRanges::wanted() const {
  std::vector<base::Prefix> ranges;
  for (const Former& each : former_) ranges.push_back(each.range);
  return ranges;
}

std::vector<base::Prefix> FormerRanges::granted(const std::vector<base::Prefix>& given) const {
  std::vector<base::Prefix> ranges;
  if (!planned_) std::ranges::copy(served_, std::back_inserter(ranges));
  for (const Former& each : former_)
    if (planned_ && each.granted) ranges.push_back(each.range);
  std::erase_if(ranges, [&](const base::Prefix& range) { return has(given, range); });
  return ranges;
}

std::optional<FormerRanges::Clock::time_point> FormerRanges::due() const {
  std::optional<Clock::time_point> due;
  if (!problem_.empty()) return due;  // nothing is given up before the next look
  for (const Former& each : former_)
    if (const auto end = each.since + kGrace; each.is_empty() && (!due || end < *due)) due = end;
  return due;
}

}  // namespace agent
