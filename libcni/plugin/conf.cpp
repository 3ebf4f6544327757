// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/conf.h"

#include "libcni/base/names.h"
#include "libcni/spec/args.h"
#include "libcni/spec/error.h"

namespace cni {

std::optional<int> find_mtu(const json::Object& config) {
  const auto mtu = config.find_int("mtu").value_or(0);
  if (mtu == 0) return std::nullopt;
  // The least MTU of Ethernet and the largest of the kernel.
  if (mtu < 68 || mtu > 65535)
    throw Error(Code::invalid_config, "invalid mtu " + std::to_string(mtu) +
                                          ": must be 68 to 65535, or 0 for the default");
  return static_cast<int>(mtu);
}

std::optional<Dns> find_dns(const json::Object& config) {
  const auto dns = config.find_object("dns");
  if (!dns) return std::nullopt;
  const auto nameservers = dns->find_strings("nameservers");
  const auto search = dns->find_strings("search");
  const auto options = dns->find_strings("options");
  const std::string domain = dns->get_string("domain");
  if (!nameservers && !search && !options && domain.empty()) return std::nullopt;
  return Dns{.nameservers = nameservers.value_or(std::vector<std::string>{}),
             .domain = domain,
             .search = search.value_or(std::vector<std::string>{}),
             .options = options.value_or(std::vector<std::string>{})};
}

base::Mac require_unicast_mac(const std::string& text, const std::string& key) {
  constexpr std::uint8_t kMulticast = 1;
  const auto mac = base::Mac::parse(text);
  const std::string problem = "address " + json::quote(text) + ": ";
  if (!mac)
    throw Error(Code::invalid_config, problem + "invalid MAC address",
                key + ": must look like aa:bb:cc:dd:ee:ff");
  if ((mac->bytes[0] & kMulticast) != 0)
    throw Error(Code::invalid_config,
                problem + "multicast bit is set, a link needs a unicast MAC address",
                key + ": the lowest bit of the first byte must be 0, such as 02:00:00:00:00:01");
  if (mac->is_zero())
    throw Error(Code::invalid_config, problem + "all zero, a link needs a MAC address", key);
  return *mac;
}

std::optional<base::Mac> find_requested_mac(const Request& request) {
  const json::Object& config = request.config;
  std::string key = "key runtimeConfig.mac";
  std::string text = config.get_object("runtimeConfig").get_string("mac");
  if (text.empty()) {
    key = "key args.cni.mac";
    text = config.get_object("args").get_object("cni").get_string("mac");
  }
  // CNI_ARGS are parsed strictly only if they contain MAC; other keys may belong to other plugins.
  if (text.empty() && request.args.find("MAC=") != std::string::npos) {
    key = "MAC in CNI_ARGS";
    text = parse_args(request.args, {"MAC"})["MAC"];
  }
  if (text.empty()) return std::nullopt;
  return require_unicast_mac(text, key);
}

std::optional<base::Mac> find_mac(const Request& request) {
  if (const auto mac = find_requested_mac(request)) return mac;
  const std::string text = request.config.get_string("mac");
  if (text.empty()) return std::nullopt;
  return require_unicast_mac(text, "key mac");
}

void require_ifname(const json::Object& config, const std::string& key, const std::string& name) {
  const std::string problem = base::ifname_problem(name);
  if (!problem.empty())
    throw Error(Code::invalid_config, "invalid " + config.path_of(key) + " \"" + name + "\"",
                problem);
}

}  // namespace cni
