// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/conf.h"

#include "libcni/base/names.h"
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

void require_ifname(const json::Object& config, const std::string& key, const std::string& name) {
  const std::string problem = base::ifname_problem(name);
  if (!problem.empty())
    throw Error(Code::invalid_config, "invalid " + config.path_of(key) + " \"" + name + "\"",
                problem);
}

}  // namespace cni
