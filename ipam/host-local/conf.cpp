// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/conf.h"

#include <algorithm>
#include <climits>
#include <iterator>

#include "libcni/json/result.h"
#include "libcni/spec/args.h"

namespace ipam_host_local {
namespace {

constexpr cni::Version kFirstWithLists{0, 3, 0};

[[noreturn]] void refuse(const std::string& why, const std::string& details = {}) {
  throw cni::Error(cni::Code::invalid_config, why, details);
}

/// An empty string means that the key is absent, as in the reference plugin.
std::optional<base::IpAddress> find_address(const json::Object& object, std::string_view key) {
  const std::string text = object.get_string(key);
  if (text.empty()) return std::nullopt;
  const auto address = base::IpAddress::parse(text);
  if (!address) object.refuse(key, "an IP address such as 10.1.0.5");
  return address;
}

ipam::RangeConf parse_range(const json::Object& object) {
  const auto subnet = base::Prefix::parse(object.get_string("subnet"));
  if (!subnet) object.refuse("subnet", "a network such as 10.1.0.0/16");
  return {.subnet = subnet,
          .start = find_address(object, "rangeStart"),
          .end = find_address(object, "rangeEnd"),
          .gateway = find_address(object, "gateway")};
}

void append_sets(const json::Object& object, std::string_view key,
                 std::vector<ipam::RangeSetConf>& sets) {
  const auto lists = object.find_object_lists(key);
  if (!lists) return;
  for (const auto& list : *lists)
    std::ranges::transform(list, std::back_inserter(sets.emplace_back()), parse_range);
}

std::vector<ipam::RangeSet> parse_sets(const json::Object& config, const json::Object& ipam) {
  std::vector<ipam::RangeSetConf> sets;
  append_sets(config.get_object("runtimeConfig"), "ipRanges", sets);
  if (ipam.has("subnet")) sets.push_back({parse_range(ipam)});
  append_sets(ipam, "ranges", sets);
  const std::string problem = ipam::find_problem(sets);
  if (!problem.empty())
    refuse(problem,
           "range sets are numbered through runtimeConfig.ipRanges, ipam.subnet and ipam.ranges");
  return ipam::complete(sets);
}

/// A result before 0.3.0 has one address per family.
void require_one_per_family(const std::vector<ipam::RangeSet>& sets, cni::Version version) {
  if (version >= kFirstWithLists) return;
  const auto v4 = std::ranges::count_if(
      sets, [](const ipam::RangeSet& set) { return set.ranges.front().start.is_v4(); });
  if (v4 > 1 || std::ssize(sets) - v4 > 1)
    refuse("CNI version " + version.text() + " does not support more than 1 address per family");
}

base::IpAddress parse_request(const std::string& text, const std::string& key) {
  if (const auto address = base::IpAddress::parse(text)) return *address;
  if (const auto prefix = base::Prefix::parse(text)) return prefix->address;
  refuse("\"" + text + "\" of " + key + " is not an IP address",
         "must be an address such as 10.1.0.5 or 10.1.0.5/16");
}

std::vector<base::IpAddress> parse_requests(const json::Object& object, std::string_view key) {
  std::vector<base::IpAddress> addresses;
  for (const std::string& text : object.find_strings(key).value_or(std::vector<std::string>{}))
    addresses.push_back(parse_request(text, object.path_of(key)));
  return addresses;
}

/// Linux does not accept a longer path (PATH_MAX).
void require_possible_path(const std::string& data_dir) {
  if (data_dir.size() >= PATH_MAX)
    refuse("key \"ipam.dataDir\" has " + std::to_string(data_dir.size()) +
           " bytes: a path must be shorter than " + std::to_string(PATH_MAX) + " bytes");
}

}  // namespace

std::string parse_data_dir(const cni::Request& request) {
  const std::string data_dir = request.config.get_object("ipam").get_string("dataDir");
  return data_dir.empty() ? "/var/lib/cni/networks" : data_dir;
}

Conf parse_conf(const cni::Request& request) {
  const auto ipam = request.config.find_object("ipam");
  if (!ipam) refuse("IPAM config missing 'ipam' key");
  Conf conf{.data_dir = parse_data_dir(request),
            .sets = parse_sets(request.config, *ipam),
            .routes = json::parse_routes(*ipam, cni::Code::invalid_config),
            .resolv_conf = ipam->get_string("resolvConf")};
  require_possible_path(conf.data_dir);
  require_one_per_family(conf.sets, request.version);
  for (cni::Route& route : conf.routes) route.extra.clear();
  return conf;
}

void require_usable(const cni::Request& request) {
  const json::Object ipam = request.config.get_object("ipam");
  const bool by_runtime = request.config.get_object("capabilities").get_bool("ipRanges");
  if (!by_runtime || ipam.has("subnet") || ipam.has("ranges")) {
    parse_conf(request);
  } else {
    json::parse_routes(ipam, cni::Code::invalid_config);
  }
}

std::vector<base::IpAddress> parse_requested(const cni::Request& request,
                                             const std::vector<ipam::RangeSet>& sets) {
  std::vector<base::IpAddress> requested =
      parse_requests(request.config.get_object("args").get_object("cni"), "ips");
  const auto in_env = cni::parse_args(request.args, {"IP"});
  const auto ip = in_env.find("IP");
  if (ip != in_env.end() && !ip->second.empty()) {
    const base::IpAddress address = parse_request(ip->second, "CNI_ARGS");
    const bool overridden = std::ranges::any_of(sets, [&](const ipam::RangeSet& set) {
      return set.find(address) != nullptr &&
             std::ranges::any_of(requested, [&](const base::IpAddress& other) {
               return set.find(other) != nullptr;
             });
    });
    if (!overridden) requested.insert(requested.begin(), address);
  }
  std::ranges::copy(parse_requests(request.config.get_object("runtimeConfig"), "ips"),
                    std::back_inserter(requested));
  return requested;
}

}  // namespace ipam_host_local
